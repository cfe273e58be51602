import type { Link } from './link.js';
import type { ClientMessage, Publish } from './protocol/messages.js';
import { jest } from '@jest/globals';
import { Publisher, type QueueOptions } from './publisher.js';

/** A publisher on a link that is up or not, and what it has sent. */
function setUp(options?: QueueOptions) {
  const sent: Publish[] = [];
  const link = { send: ({ data }: ClientMessage) => void sent.push(data as Publish) } as Link;
  const publisher = new Publisher(link, options);
  publisher.up();
  return { sent, publisher };
}

function published(publisher: Publisher, ...sent: Publish[]): void {
  for (const { ref } of sent) publisher.message({ event: 'published', data: { ref, id: 'log-1' } });
}

const refusal = { code: 'FORBIDDEN', message: 'no', retryable: false };

describe('Publishing', () => {
  it('resolves with the id that the server answers, or rejects with its error', async () => {
    const { sent, publisher } = setUp();
    const stored = publisher.publish('a', 1, {});
    const refused = publisher.publish('b', 2, { type: 'x', messageId: 'own' });
    expect(sent).toMatchObject([
      { topic: 'a', data: 1 },
      { topic: 'b', data: 2, type: 'x', messageId: 'own' },
    ]);
    publisher.message({ event: 'error', data: { ref: sent[1]!.ref, ...refusal } });
    publisher.message({ event: 'published', data: { ref: sent[0]!.ref, id: 'log-1' } });
    publisher.message({ event: 'published', data: { ref: 'unknown', id: 'log-2' } });
    await expect(stored).resolves.toBe('log-1');
    await expect(refused).rejects.toMatchObject(refusal);
  });

  it('sends what has no answer again on the next connection, in order, under the same message id', async () => {
    const { sent, publisher } = setUp();
    const answers = [publisher.publish('a', 1, {}), publisher.publish('a', 2, {})];
    publisher.message({ event: 'published', data: { ref: sent[0]!.ref, id: 'log-1' } });
    publisher.down();
    answers.push(publisher.publish('a', 3, {}));
    publisher.up();
    expect(sent.map(({ data }) => data)).toEqual([1, 2, 2, 3]);
    expect(sent[2]).toEqual(sent[1]);
    sent.slice(2).forEach(({ ref }, index) => {
      publisher.message({ event: 'published', data: { ref, id: `log-${index + 2}` } });
    });
    await expect(Promise.all(answers)).resolves.toEqual(['log-1', 'log-2', 'log-3']);
    publisher.up();
    expect(sent).toHaveLength(4);
  });

  it('keeps what was given, whatever becomes of it', () => {
    const { sent, publisher } = setUp();
    publisher.down();
    const data = { text: 'before', at: new Date(0) };
    void publisher.publish('a', data, {});
    data.text = 'after';
    publisher.up();
    expect(sent[0]!.data).toEqual({ text: 'before', at: '1970-01-01T00:00:00.000Z' });
  });

  it('refuses what is no JSON, and what the server would not take', async () => {
    const { sent, publisher } = setUp();
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const notJson = { code: 'DATA_NOT_SERIALIZABLE' };
    await expect(publisher.publish('a', loop, {})).rejects.toMatchObject(notJson);
    await expect(publisher.publish('a', undefined, {})).rejects.toMatchObject(notJson);
    const limits = { maxMessageBytes: 300, maxTopics: 256, maxInnerWildcards: 32 };
    publisher.message({
      event: 'hello',
      data: { connection: 'c', client: 'me', heartbeat: 1, limits },
    });
    await expect(publisher.publish('a', 'ä'.repeat(200), {})).rejects.toMatchObject({
      code: 'DATA_TOO_LARGE',
    });
    expect(sent).toEqual([]);
    void publisher.publish('a', 'a'.repeat(20), {});
    expect(sent).toHaveLength(1);
  });

  it('lets so much wait, and refuses the newest', async () => {
    const { sent, publisher } = setUp({ size: 2 });
    void publisher.publish('a', 1, {});
    void publisher.publish('a', 2, {});
    const full = { code: 'LIMIT_EXCEEDED', retryable: true };
    await expect(publisher.publish('a', 3, {})).rejects.toMatchObject(full);
    publisher.message({ event: 'published', data: { ref: sent[0]!.ref } });
    void publisher.publish('a', 4, {});
    expect(sent.map(({ data }) => data)).toEqual([1, 2, 4]);
  });

  it('lets so much wait, and refuses the oldest if it is told to', async () => {
    const { sent, publisher } = setUp({ size: 2, full: 'drop-oldest' });
    publisher.down();
    const first = publisher.publish('a', 1, {});
    void publisher.publish('a', 2, {});
    void publisher.publish('a', 3, {});
    await expect(first).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    publisher.up();
    expect(sent.map(({ data }) => data)).toEqual([2, 3]);
  });

  it('gives up by a signal', async () => {
    const { sent, publisher } = setUp();
    publisher.down();
    const controller = new AbortController();
    const given = publisher.publish('a', 1, { signal: controller.signal });
    await expect(publisher.publish('a', 2, { signal: AbortSignal.abort() })).rejects.toThrow('abort');
    controller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    publisher.up();
    expect(sent).toEqual([]);
  });

  it('has so many on their way, and keeps the order', () => {
    const { sent, publisher } = setUp();
    for (let count = 0; count < 40; count++) void publisher.publish('a', count, {});
    expect(sent).toHaveLength(32);
    published(publisher, sent[0]!, sent[1]!);
    expect(sent.map(({ data }) => data)).toEqual(Array.from({ length: 34 }, (_, index) => index));
  });

  describe('to a server that can take no more', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    it('waits, and goes on where it was', async () => {
      const { sent, publisher } = setUp();
      const answers = [1, 2, 3].map((data) => publisher.publish('a', data, {}));
      const busy = { code: 'LIMIT_EXCEEDED', message: 'later', retryable: true };
      for (const { ref } of sent.splice(0)) publisher.message({ event: 'error', data: { ref, ...busy } });
      answers.push(publisher.publish('a', 4, {}));
      expect(sent).toEqual([]);
      jest.advanceTimersByTime(1_000);
      expect(sent.map(({ data }) => data)).toEqual([1, 2, 3, 4]);
      published(publisher, ...sent);
      await expect(Promise.all(answers)).resolves.toHaveLength(4);
    });
  });

  it('does not let ephemeral events wait, nor sends them twice', async () => {
    const { sent, publisher } = setUp();
    const away = { code: 'UNAVAILABLE', retryable: true };
    const cut = publisher.publish('a', 1, { ephemeral: true });
    publisher.down();
    await expect(cut).rejects.toMatchObject(away);
    await expect(publisher.publish('a', 2, { ephemeral: true })).rejects.toMatchObject(away);
    publisher.up();
    expect(sent.map(({ data }) => data)).toEqual([1]);
  });
});
