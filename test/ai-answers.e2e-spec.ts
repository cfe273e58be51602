import { Controller } from '@nestjs/common';
import { PushClients, PushLifecycle } from 'nestjs-push';
import { chatTopics, PushChat, type ChatChunk, type ChatSource } from 'nestjs-push/ai';
import { asked, ChatClient } from './support/chat-client.js';
import { startChat } from './support/chat-app.js';
import { openSse, type SseReader } from './support/sse-reader.js';
import { eventually } from './support/watched.js';

const json = { 'content-type': 'application/json' };

function post(url: string, id = 'one'): Promise<SseReader> {
  const body = JSON.stringify({ id, messages: [asked('Hi')] });
  return openSse(url, { method: 'POST', headers: json, body });
}

function delta(text: string): ChatChunk {
  return { type: 'text-delta', id: '1', delta: text } as ChatChunk;
}

/** A controller at `/own` whose answers are these. */
function controllerOf(source: ChatSource) {
  @Controller()
  class OwnController {
    @PushChat('own')
    answer(): ChatSource {
      return source;
    }
  }
  return OwnController;
}

it('The model goes on when all browsers leave, and the answer is there for the one that comes back', async () => {
  const { app, script } = await startChat();
  const client = ChatClient.at(app.url('/api/chat'));
  const sent = await client.send('Hi');
  const answer = await script.answer(1);
  answer.say('One ');
  await sent.untilText('One ');
  await sent.leave();
  await eventually(() => app.nest.get(PushClients).size === 0);
  answer.say('two ');
  expect(answer.signal!.aborted).toBe(false);
  const resumed = (await client.resume())!;
  answer.say('three');
  answer.finish();
  await resumed.untilEnd();
  expect(resumed.text).toBe('One two three');
});

it('Readers that come at different moments have the same message, byte for byte', async () => {
  const { app, script } = await startChat({ chat: { joinFor: 5 } });
  const url = app.url('/api/chat');
  const readers = [await ChatClient.at(url).send('Hi')];
  const answer = await script.answer(1);
  for (let word = 0; word < 100; word++) {
    answer.say(`word ${word} – «ü» \u2028 `);
    if (word % 25 === 0) readers.push((await ChatClient.at(url).resume())!);
  }
  answer.finish();
  const messages = await Promise.all(readers.map((reader) => reader.message()));
  expect(new Set(messages).size).toBe(1);
  expect(messages[0]).toContain('word 99');
});

it('Another message of the chat takes the place of the answer that is being written', async () => {
  const { app, script } = await startChat();
  const client = ChatClient.at(app.url('/api/chat'));
  const first = await client.send('Hi');
  const answer = await script.answer(1);
  answer.say('One ');
  await first.untilText('One ');
  const second = await client.send('No, wait');
  await first.untilEnd();
  expect(first.types.at(-1)).toBe('abort');
  await eventually(() => answer.signal!.aborted);
  const next = await script.answer(2);
  next.say('Two');
  const resumed = (await client.resume())!;
  await resumed.untilText('Two');
  next.finish();
  await second.untilEnd();
  expect(second.text).toBe('Two');
});

it('Of messages that come at once one is answered, and the others are told that they were stopped', async () => {
  const { app, script } = await startChat();
  const client = ChatClient.at(app.url('/api/chat'));
  const readers = await Promise.all(Array.from({ length: 5 }, () => client.send('Hi')));
  const current = (await client.resume())!;
  await current.until(() => current.chunks.length > 0);
  await eventually(() => readers.filter((reader) => reader.isEnded).length === 4);
  const [left, ...others] = readers.toSorted((a, b) => Number(a.isEnded) - Number(b.isEnded));
  expect(others.map(({ types }) => types.at(-1))).toEqual(Array.from({ length: 4 }, () => 'abort'));
  await eventually(() => script.answers.filter(({ signal }) => !signal!.aborted).length === 1);
  script.answers.find(({ signal }) => !signal!.aborted)!.finish();
  await left!.untilEnd();
  expect(left!.types.at(-1)).toBe('finish');
});

it('With whenBusy "refuse" another message is refused with 409 until the answer is over', async () => {
  const { app, script } = await startChat({ chat: { whenBusy: 'refuse' } });
  const url = app.url('/api/chat');
  const first = await post(url);
  const answer = await script.answer(1);
  const refused = await post(url);
  expect(refused.status).toBe(409);
  expect(JSON.parse(await refused.untilEnd())).toMatchObject({ code: 'CONFLICT' });
  expect((await post(url, 'two')).status).toBe(200);
  answer.finish();
  await first.untilEnd();
  await eventually(async () => (await ChatClient.at(url).resume()) === null);
  expect((await post(url)).status).toBe(200);
  expect(script.answers).toHaveLength(3);
});

describe('A source that fails', () => {
  const failing: ChatSource = async function* () {
    yield { type: 'start' };
    throw await Promise.resolve(new Error('the password is 1234'));
  };

  it('is an error chunk that says nothing of it, and is reported', async () => {
    const reported: unknown[] = [];
    const push = { topics: chatTopics(), onError: (error: unknown) => reported.push(String(error)) };
    const { app } = await startChat({ push, controllers: [controllerOf(failing)] });
    const reader = await post(app.url('/own'));
    await reader.untilEnd();
    const errorText = 'The answer has broken off. Try again.';
    expect(reader.data).toEqual(['{"type":"start"}', JSON.stringify({ type: 'error', errorText }), '[DONE]']);
    expect(reported).toEqual(['Error: the password is 1234']);
  });

  it('is what onError says of it', async () => {
    const chat = { onError: (error: unknown) => `Sorry: ${(error as Error).message.length}` };
    const push = { topics: chatTopics(), onError: () => undefined };
    const { app } = await startChat({ push, chat, controllers: [controllerOf(failing)] });
    const reader = await post(app.url('/own'));
    await reader.untilEnd();
    expect(reader.data.at(-2)).toBe('{"type":"error","errorText":"Sorry: 20"}');
  });

  it.each<[string, ChatSource]>([
    ['it throws at once', () => Promise.reject(new Error('no model'))],
    [
      'it writes what is no JSON',
      async function* () {
        yield await Promise.resolve({ type: 'x', value: 1n } as ChatChunk);
      },
    ],
  ])('tells its readers also if %s', async (_, source) => {
    const push = { topics: chatTopics(), onError: () => undefined };
    const { app } = await startChat({ push, controllers: [controllerOf(source)] });
    const reader = await post(app.url('/own'));
    await reader.untilEnd();
    expect(reader.data.map((data) => data.slice(0, 15))).toEqual(['{"type":"error"', '[DONE]']);
  });
});

it('Deltas that come one after the other are joined, and nothing overtakes them', async () => {
  const words = Array.from({ length: 1_000 }, (_, index) => `${index} `);
  const source: ChatSource = async function* () {
    yield { type: 'start' };
    for (const word of words) yield await Promise.resolve(delta(word));
    yield { type: 'finish' };
  };
  const { app } = await startChat({ chat: { joinFor: 40 }, controllers: [controllerOf(source)] });
  const reader = await post(app.url('/own'));
  await reader.untilEnd();
  const chunks = reader.data.slice(0, -1).map((data) => JSON.parse(data) as { type: string; delta?: string });
  expect(chunks.map((chunk) => chunk.delta ?? '').join('')).toBe(words.join(''));
  expect(chunks.length).toBeLessThan(words.length / 2);
  expect([chunks[0]!.type, chunks.at(-1)!.type]).toEqual(['start', 'finish']);
});

it('A reader that was away until the beginning was gone is told by an error chunk', async () => {
  const topics = chatTopics('chats', { retention: { events: 3 } });
  const { app, script } = await startChat({ push: { topics } });
  const client = ChatClient.at(app.url('/api/chat'));
  const sent = await client.send('Hi');
  const answer = await script.answer(1);
  for (const word of ['1 ', '2 ', '3 ', '4 ']) {
    answer.say(word);
    await sent.untilText(sent.text + word);
  }
  const late = (await client.resume())!;
  await late.until(() => late.types.includes('error'));
  expect(late.chunks[0]).toEqual({
    type: 'error',
    errorText: 'A part of the answer is lost. Load it again.',
  });
  const index = await fetch(app.url(`/api/chat/one/stream?startIndex=1`));
  expect(index.status).toBe(410);
});

it('When the node drains, a stream ends without [DONE] or an error, so that its client resumes', async () => {
  const { app, script } = await startChat();
  const reader = await post(app.url('/api/chat'));
  (await script.answer(1)).say('One ');
  await reader.untilEvents(4);
  await app.nest.get(PushLifecycle).drain();
  await reader.untilEnd();
  expect(reader.data.map((data) => (JSON.parse(data) as ChatChunk).type)).toEqual([
    'start',
    'start-step',
    'text-start',
    'text-delta',
  ]);
});

it('A client that sends the id that it has got gets what comes after it', async () => {
  const { app, script } = await startChat();
  const sent = await post(app.url('/api/chat'));
  const answer = await script.answer(1);
  answer.say('One ');
  await sent.untilEvents(4);
  const rest = await openSse(app.url('/api/chat/one/stream'), {
    headers: { 'last-event-id': sent.lastEventId },
  });
  answer.say('two');
  await rest.untilEvents(1);
  expect(rest.data).toEqual([JSON.stringify(delta('two'))]);
});

it('An application whose topics are not those of chats does not answer as if they were', async () => {
  const { app } = await startChat({ push: { topics: [] } });
  expect((await post(app.url('/api/chat'))).status).toBe(500);
});
