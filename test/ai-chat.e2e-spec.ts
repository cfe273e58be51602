import { asked, ChatClient } from './support/chat-client.js';
import { startChat } from './support/chat-app.js';
import { openSse, type SseReader } from './support/sse-reader.js';
import { platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';

const json = { 'content-type': 'application/json' };

/** What a client of the AI SDK sends. */
function post(url: string, id = 'one', text = 'Hi'): Promise<SseReader> {
  return openSse(url, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ id, messages: [asked(text)], trigger: 'submit-message' }),
  });
}

describe.each(platformsWithHttp2)('On %s', (platform) => {
  it('An answer is a UI message stream: its headers, a block for each chunk, and [DONE]', async () => {
    const { app, script } = await startChat({ platform });
    const reader = await post(app.url('/api/chat'));
    const answer = await script.answer(1);
    answer.say('Hello ');
    await reader.untilEvents(4);
    answer.say('world');
    answer.finish();
    await reader.untilEnd();
    expect(reader.status).toBe(200);
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'x-vercel-ai-ui-message-stream': 'v1',
      'x-accel-buffering': 'no',
      'x-workflow-run-id': expect.stringMatching(/^one\.[\w-]{36}$/) as string,
    });
    expect(reader.data).toEqual([
      expect.stringMatching(/^{"type":"start","messageId":"\w+"}$/),
      '{"type":"start-step"}',
      '{"type":"text-start","id":"1"}',
      '{"type":"text-delta","id":"1","delta":"Hello "}',
      '{"type":"text-delta","id":"1","delta":"world"}',
      '{"type":"text-end","id":"1"}',
      '{"type":"finish-step"}',
      '{"type":"finish","finishReason":"stop"}',
      '[DONE]',
    ]);
    expect(reader.body).not.toContain('event:');
  });

  it('DefaultChatTransport is cut in the middle, reconnects, and has the same message', async () => {
    const { app, script } = await startChat({ platform });
    const client = ChatClient.at(app.url('/api/chat'));
    const sent = await client.send('Hi');
    const answer = await script.answer(1);
    answer.say('One ', 'two ');
    await sent.untilText('One two ');
    app.cut();
    await sent.untilEnd();
    answer.say('three ');
    const resumed = (await client.resume())!;
    await resumed.untilText('One two three ');
    answer.say('four');
    answer.finish();
    expect(JSON.parse(await resumed.message())).toMatchObject({
      role: 'assistant',
      parts: [{ type: 'step-start' }, { type: 'text', text: 'One two three four', state: 'done' }],
    });
    expect(resumed.chunks.slice(0, sent.chunks.length)).toEqual(sent.chunks);
    expect(script.answers).toHaveLength(1);
  });

  it('There is nothing to resume in a chat that nobody writes in, nor when its answer is over', async () => {
    const { app, script } = await startChat({ platform });
    const client = ChatClient.at(app.url('/api/chat'));
    expect(await client.resume()).toBeNull();
    const sent = await client.send('Hi');
    (await script.answer(1)).finish();
    await sent.untilEnd();
    await eventually(async () => (await client.resume()) === null);
    expect(sent.types.at(-1)).toBe('finish');
  });

  it('A stop from elsewhere aborts the model, and every reader is told', async () => {
    const { app, script } = await startChat({ platform });
    const client = ChatClient.at(app.url('/api/chat'));
    const sent = await client.send('Hi');
    const other = (await client.resume())!;
    const answer = await script.answer(1);
    answer.say('One ');
    await Promise.all([sent.untilText('One '), other.untilText('One ')]);
    const stopped = await fetch(app.url('/api/chat/one/stream'), { method: 'DELETE' });
    expect(stopped.status).toBe(204);
    await Promise.all([sent.untilEnd(), other.untilEnd()]);
    expect(sent.chunks.at(-1)).toEqual({ type: 'abort', reason: 'cancelled' });
    expect(other.chunks).toEqual(sent.chunks);
    await eventually(() => answer.signal!.aborted);
    expect(await client.resume()).toBeNull();
  });
});
