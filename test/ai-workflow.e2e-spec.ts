import { WorkflowChatTransport } from '@ai-sdk/workflow/client';
import type { ChatTransport, UIMessage } from 'ai';
import { startChat } from './support/chat-app.js';
import { ChatClient, reading, type ChatReader } from './support/chat-client.js';
import type { ScriptedAnswer } from './support/scripted-model.js';
import { platforms } from './support/start-app.js';

// It says on the console that its connection was cut.
beforeEach(() => void import.meta.jest.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(() => void import.meta.jest.restoreAllMocks());

/** The transport, which says what it asks for. It sends neither the chat nor the type of its body unless it is told to. */
function transportTo(url: string, initialStartIndex = 0) {
  const requests: string[] = [];
  const transport = new WorkflowChatTransport({
    api: url,
    initialStartIndex,
    prepareSendMessagesRequest: ({ id, messages }) => ({
      body: { id, messages },
      headers: { 'content-type': 'application/json' },
    }),
    fetch: (input, init) => {
      requests.push(`${init?.method ?? 'GET'} ${(input as string).slice(url.length)}`);
      return fetch(input, init);
    },
  });
  // It brings types of an older release of the package `ai`.
  return { requests, client: new ChatClient('one', transport as unknown as ChatTransport<UIMessage>) };
}

/** One chunk for each word: what is said while another one is on its way to the log is joined. */
async function said(answer: ScriptedAnswer, reader: ChatReader, ...words: string[]): Promise<void> {
  for (const word of words) {
    answer.say(word);
    await reader.untilText(reader.text + word);
  }
}

async function reconnected({ transport, chatId }: ChatClient): Promise<ChatReader> {
  return reading((await transport.reconnectToStream({ chatId }))!);
}

describe.each(platforms)('WorkflowChatTransport, on %s,', (platform) => {
  it('goes on within a message after each cut, and gets every chunk once', async () => {
    const { app, script } = await startChat({ platform });
    const { requests, client } = transportTo(app.url('/api/chat'));
    const reader = await client.send('Hi');
    const answer = await script.answer(1);
    await said(answer, reader, 'One ', 'two ');
    app.cut();
    answer.say('three ');
    await reader.untilText('One two three ');
    app.cut();
    answer.say('four');
    answer.finish();
    await reader.untilEnd();
    expect(reader.error).toBeUndefined();
    expect(reader.text).toBe('One two three four');
    expect(reader.types.filter((type) => type === 'start' || type === 'finish')).toEqual(['start', 'finish']);
    expect(requests).toEqual([
      'POST ',
      expect.stringMatching(/^GET \/one\.[\w-]{36}\/stream\?startIndex=5$/),
      expect.stringMatching(/^GET \/one\.[\w-]{36}\/stream\?startIndex=6$/),
    ]);
  });

  it('gets the rest of an answer that was finished while it was cut off', async () => {
    const { app, script } = await startChat({ platform });
    const { client } = transportTo(app.url('/api/chat'));
    const watching = await ChatClient.at(app.url('/api/chat')).send('Hi');
    const reader = await reconnected(client);
    const answer = await script.answer(1);
    answer.say('One ');
    await reader.untilText('One ');
    // The last chunks and the end are written before anything reaches a client again.
    answer.say('two');
    answer.finish();
    app.cut();
    await reader.untilEnd();
    await watching.untilEnd();
    expect(reader.error).toBeUndefined();
    expect(reader.text).toBe('One two');
  });

  it('is told that an answer was stopped, and does not ask again and again', async () => {
    const { app, script } = await startChat({ platform });
    const { requests, client } = transportTo(app.url('/api/chat'));
    const reader = await client.send('Hi');
    (await script.answer(1)).say('One ');
    await reader.untilText('One ');
    await fetch(app.url('/api/chat/one/stream'), { method: 'DELETE' });
    await reader.untilEnd();
    expect(reader.error).toBeUndefined();
    expect(reader.types).toContain('abort');
    expect(requests.length).toBeLessThan(4);
  });

  it('reads the last chunks first, from the beginning of their step, and then goes on by index', async () => {
    const { app, script } = await startChat({ platform });
    const sent = await ChatClient.at(app.url('/api/chat')).send('Hi');
    const answer = await script.answer(1);
    await said(answer, sent, 'One ', 'two ', 'three ');
    const { requests, client } = transportTo(app.url('/api/chat'), -2);
    const reader = await reconnected(client);
    await reader.untilText('One two three ');
    app.cut();
    answer.say('four');
    answer.finish();
    await reader.untilEnd();
    expect(reader.text).toBe('One two three four');
    expect(requests.map((request) => request.split('?')[1])).toEqual(['startIndex=-2', 'startIndex=6']);
  });
});
