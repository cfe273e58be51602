import { jest } from '@jest/globals';
import type { Reader } from '../events.js';
import type { PublishOptions } from '../publisher.js';
import { PushError } from '../push-error.js';
import type { AnyClient } from './any-client.js';
import { LivePublishing } from './live-publishing.js';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] }));
afterEach(() => jest.useRealTimers());

/** Resolves after everything that promises bring. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A page that publishes, on a client whose answers the test has in its hands. */
function setUp() {
  let reader!: Reader;
  const sent: (PublishOptions & {
    data: unknown;
    answer: (id?: string) => Promise<void>;
    refuse: (error: unknown) => Promise<void>;
  })[] = [];
  const state = { status: 'live', isRead: true, errors: [] as unknown[] };
  const client = {
    get status() {
      return state.status;
    },
    onError: (error: unknown) => void state.errors.push(error),
    read(_topic: string, _options: object, own: Reader) {
      reader = own;
      return () => (state.isRead = false);
    },
    publish: (_topic: string, data: unknown, options: PublishOptions) =>
      new Promise<string | undefined>((resolve, reject) => {
        const answer = (id?: string) => (resolve(id), settled());
        const refuse = (error: unknown) => (reject(error), settled());
        sent.push({ data, ...options, answer, refuse });
      }),
  } as unknown as AnyClient;
  const live = new LivePublishing<string>(client, 'rooms.1');
  const comes = (id?: string, tag?: string) => reader.next({ topic: 'rooms.1', id, tag, data: '' });
  const shown = () => live.pending.map(({ data, error }) => (error ? `${data} ${error.code}` : data));
  return { live, sent, state, reader, comes, shown };
}

describe('What is published', () => {
  it('is pending until it has come back, after the answer', async () => {
    const { live, sent, comes, shown } = setUp();
    const answer = live.publish('a');
    void live.publish('b');
    expect(shown()).toEqual(['a', 'b']);
    await sent[0]!.answer('log-1');
    await expect(answer).resolves.toBe('log-1');
    expect(shown()).toEqual(['a', 'b']);
    comes('log-0');
    comes('log-1');
    expect(shown()).toEqual(['b']);
  });

  it.each(['log-1', undefined])('is recognised when it comes back before the answer (id %s)', async (id) => {
    const { live, sent, comes, shown } = setUp();
    void live.publish('a');
    void live.publish('a', { messageId: 'own' });
    comes('log-0', "another page's");
    expect(shown()).toEqual(['a', 'a']);
    comes(id, 'own');
    expect(live.pending.map(({ key }) => key)).toEqual([sent[0]!.messageId]);
    await sent[1]!.answer(id);
    comes('log-2', sent[0]!.tag);
    await sent[0]!.answer('log-2');
    expect([shown(), jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('is the same object until something changes, and tells of each change', async () => {
    const { live, sent, comes } = setUp();
    let calls = 0;
    const stop = live.onChange(() => calls++);
    const none = live.pending;
    comes('log-0');
    expect([live.pending === none, calls]).toEqual([true, 0]);
    void live.publish('a');
    const one = live.pending;
    await sent[0]!.answer('log-1');
    expect([live.pending === one, calls]).toEqual([true, 1]);
    comes('log-1');
    expect([live.pending, calls]).toEqual([[], 2]);
    stop();
    void live.publish('b');
    expect(calls).toBe(2);
  });

  it.each<[string, PublishOptions, string | undefined]>([
    ['without an echo', { echo: false }, 'log-1'],
    ['without being stored', { ephemeral: true }, undefined],
  ])('is pending until the answer where it is published %s', async (_, options, id) => {
    const { live, sent, comes, shown } = setUp();
    void live.publish('a', options);
    comes();
    expect(shown()).toEqual(['a']);
    await sent[0]!.answer(id);
    expect(shown()).toEqual([]);
    expect(sent[0]).toMatchObject(options);
  });

  it.each<[string, (reader: Reader) => void]>([
    ['the client has caught up', (reader) => reader.live!()],
    [
      'events are lost',
      (reader) => reader.notice!({ event: 'gap', data: { reason: 'evicted', topics: ['rooms.1'], id: 'x' } }),
    ],
    ['the topic may not be read', (reader) => reader.end(new PushError('FORBIDDEN', 'no'))],
  ])('is not waited for any more once %s', async (_, happens) => {
    const { live, sent, reader, shown } = setUp();
    void live.publish('stored');
    void live.publish('on its way');
    await sent[0]!.answer('log-1');
    happens(reader);
    expect(shown()).toEqual(['on its way']);
  });

  it('is pending until it is stored where the topic may not be read', async () => {
    const { live, sent, reader, shown } = setUp();
    reader.end(new PushError('FORBIDDEN', 'no'));
    void live.publish('a');
    await sent[0]!.answer('log-1');
    expect(shown()).toEqual([]);
  });

  it('is not waited for for ever where the page has begun to read after it', async () => {
    const { live, sent, state, reader, shown } = setUp();
    void live.publish('a');
    await sent[0]!.answer('log-1');
    await jest.advanceTimersByTimeAsync(4_999);
    expect(shown()).toEqual(['a']);
    await jest.advanceTimersByTimeAsync(1);
    expect(shown()).toEqual([]);
    // Without a connection it comes with the next one.
    void live.publish('b');
    await sent[1]!.answer('log-2');
    state.status = 'waiting';
    await jest.advanceTimersByTimeAsync(60_000);
    expect(shown()).toEqual(['b']);
    reader.live!();
    expect(shown()).toEqual([]);
  });

  it('stays with its error, and is published again under the same id, or given up', async () => {
    const { live, sent, comes, shown } = setUp();
    const refused = live.publish('a', { type: 'line' });
    void live.publish('b', { messageId: 'own' });
    await sent[0]!.refuse(new PushError('FORBIDDEN', 'no'));
    await sent[1]!.refuse(new DOMException('stopped', 'AbortError'));
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(shown()).toEqual(['a FORBIDDEN', 'b CLOSED']);
    const [a, b] = live.pending;
    a!.retry();
    a!.retry();
    expect(shown()).toEqual(['a', 'b CLOSED']);
    expect(sent.slice(2)).toMatchObject([{ data: 'a', type: 'line', messageId: sent[0]!.messageId }]);
    expect([b!.key, sent[1]!.messageId]).toEqual(['own', 'own']);
    b!.discard();
    b!.retry();
    await sent[2]!.answer('log-1');
    comes('log-1');
    expect([shown(), sent.length]).toEqual([[], 3]);
  });

  it('is no longer shown once it is given up, whatever becomes of it', async () => {
    const { live, sent, shown, state } = setUp();
    for (const data of ['a', 'b']) void live.publish(data);
    for (const { discard } of live.pending) discard();
    await sent[0]!.answer('log-1');
    await sent[1]!.refuse(new PushError('FORBIDDEN', 'no'));
    expect([shown(), state.errors, jest.getTimerCount()]).toEqual([[], [], 0]);
  });

  it('is published also when nobody shows it any more: then the client is told what went wrong', async () => {
    const { live, sent, state } = setUp();
    for (const data of ['a', 'b', 'c']) void live.publish(data);
    await sent[0]!.answer('log-1');
    live.close();
    await sent[1]!.answer('log-2');
    await sent[2]!.refuse(new PushError('FORBIDDEN', 'no'));
    expect([state.isRead, jest.getTimerCount()]).toEqual([false, 0]);
    expect(state.errors).toMatchObject([{ code: 'FORBIDDEN' }]);
  });

  it('has a bound: the oldest that was refused is given up', async () => {
    const { live, sent } = setUp();
    for (let number = 0; number < 1_000; number++) void live.publish(String(number));
    await sent[3]!.refuse(new PushError('FORBIDDEN', 'no'));
    await sent[7]!.refuse(new PushError('FORBIDDEN', 'no'));
    void live.publish('next');
    expect(live.pending).toHaveLength(1_000);
    expect(live.pending.map(({ data }) => data)).not.toContain('3');
    expect(live.pending.map(({ data }) => data)).toContain('7');
  });
});
