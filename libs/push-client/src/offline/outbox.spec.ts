import { jest } from '@jest/globals';
import { PushError } from '../push-error.js';
import type { StatusChange } from '../link.js';
import { outboxOf } from './index.js';
import type { OutboxStorage } from './stored-events.js';

/** A storage that lasts longer than pages; its answers are promises if `isAsync`. */
class Shelf implements OutboxStorage {
  readonly items = new Map<string, string>();
  isFull = false;

  constructor(private readonly isAsync: boolean) {}

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string) {
    return this.answer(this.items.get(key) ?? null);
  }

  setItem(key: string, value: string) {
    if (this.isFull) throw new Error('QuotaExceededError');
    this.items.set(key, value);
    return this.answer(undefined);
  }

  removeItem(key: string) {
    this.items.delete(key);
    return this.answer(undefined);
  }

  private answer<Value>(value: Value): Value | Promise<Value> {
    return this.isAsync ? new Promise((resolve) => setImmediate(() => resolve(value))) : value;
  }
}

/** A client whose server answers when it is told to. */
class Client {
  readonly url = 'http://server/push';
  status = 'waiting';
  readonly sent: { data: unknown; messageId: string; settle: (error?: PushError) => void }[] = [];
  readonly errors: string[] = [];
  readonly life = new AbortController();
  readonly signal = this.life.signal;
  readonly onError = (error: unknown) => this.errors.push((error as PushError).code);
  private tell: (change: StatusChange) => unknown = () => undefined;

  onStatus = (listener: (change: StatusChange) => unknown) => {
    this.tell = listener;
    return () => undefined;
  };

  publish = (
    _topic: string,
    data: unknown,
    { messageId = '', signal }: { messageId?: string; signal?: AbortSignal },
  ) =>
    new Promise<string>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
      const settle = (error?: PushError) => (error ? reject(error) : resolve(`id of ${String(data)}`));
      this.sent.push({ data, messageId, settle });
    });

  goLive(): void {
    this.status = 'live';
    this.tell({ status: 'live' });
  }

  get data(): unknown[] {
    return this.sent.map(({ data }) => data);
  }
}

/** Everything that is under way has happened. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe.each([false, true])('An outbox whose storage is asynchronous: %s', (isAsync) => {
  function page(shelf: Shelf, user = 'ann', limit?: number) {
    const client = new Client();
    return { client, outbox: outboxOf(client as never, { storage: shelf, user, limit }) };
  }

  it('keeps an event in the storage until the server has it', async () => {
    const shelf = new Shelf(isAsync);
    const { client, outbox } = page(shelf);
    const changes = jest.fn();
    outbox.onChange(changes);
    const stored = outbox.publish('notes', 'a', { type: 'x' });
    await quiet();
    expect(shelf.items.size).toBe(1);
    expect(outbox.waiting).toMatchObject([{ topic: 'notes', data: 'a', type: 'x' }]);
    expect(outbox.events).toBe(outbox.events);
    client.sent[0]!.settle();
    await expect(stored).resolves.toBe('id of a');
    await quiet();
    expect(shelf.items.size).toBe(0);
    expect(outbox.events).toEqual([]);
    expect(changes).toHaveBeenCalledTimes(2);
  });

  it('publishes what a former page has left, in order, before what is new, under the same message ids', async () => {
    const shelf = new Shelf(isAsync);
    const first = page(shelf);
    for (const data of ['a', 'b', 'c']) first.outbox.publish('notes', data).catch(() => undefined);
    await quiet();
    const second = page(shelf);
    void second.outbox.publish('notes', 'd');
    await quiet();
    expect(second.client.data).toEqual(['a', 'b', 'c', 'd']);
    const idsOf = ({ client }: typeof first) => client.sent.slice(0, 3).map(({ messageId }) => messageId);
    expect(idsOf(second)).toEqual(idsOf(first));
    for (const { settle } of second.client.sent) settle();
    await quiet();
    expect(shelf.items.size).toBe(0);
  });

  it("leaves another user's events alone, whatever the names", async () => {
    const shelf = new Shelf(isAsync);
    const ann = page(shelf, 'ann x');
    ann.outbox.publish('notes', "ann's").catch(() => undefined);
    await quiet();
    ann.outbox.close();
    for (const user of ['ann', 'bob']) {
      const other = page(shelf, user);
      await quiet();
      expect(other.client.sent).toEqual([]);
      expect(other.outbox.events).toEqual([]);
      expect(other.client.errors).toEqual([]);
    }
    expect(shelf.items.size).toBe(1);
  });

  it('publishes no more once it is closed, and says so to whoever waits', async () => {
    const shelf = new Shelf(isAsync);
    const { client, outbox } = page(shelf);
    const waiting = outbox.publish('notes', 'a');
    client.life.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(outbox.publish('notes', 'b')).rejects.toMatchObject({ code: 'CLOSED' });
    await quiet();
    expect(client.sent).toEqual([]);
    expect(shelf.items.size).toBe(1);
  });

  it('shows what was refused, also after a reload, to be retried or discarded', async () => {
    const shelf = new Shelf(isAsync);
    const { client, outbox } = page(shelf);
    const answers = ['a', 'b'].map((data) => outbox.publish('notes', data));
    await quiet();
    for (const { settle } of client.sent) settle(new PushError('FORBIDDEN', 'no'));
    for (const answer of answers) await expect(answer).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await quiet();
    const next = page(shelf);
    await quiet();
    expect(next.client.sent).toEqual([]);
    expect(next.outbox.waiting).toEqual([]);
    expect(next.outbox.refused).toMatchObject([{ data: 'a', refused: { code: 'FORBIDDEN' } }, { data: 'b' }]);
    const [a, b] = next.outbox.refused;
    next.outbox.discard(b!.messageId);
    next.outbox.retry(a!.messageId);
    expect(next.client.data).toEqual(['a']);
    next.client.sent[0]!.settle();
    await quiet();
    expect(next.outbox.events).toEqual([]);
    expect(shelf.items.size).toBe(0);
  });

  it('has a bound', async () => {
    const { outbox } = page(new Shelf(isAsync), 'ann', 2);
    for (const data of ['a', 'b']) outbox.publish('notes', data).catch(() => undefined);
    await expect(outbox.publish('notes', 'c')).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      retryable: true,
    });
    await quiet();
  });

  it('publishes without room in the storage, and says that the event would not survive', async () => {
    const shelf = new Shelf(isAsync);
    shelf.isFull = true;
    const { client, outbox } = page(shelf);
    const stored = outbox.publish('notes', 'a');
    await quiet();
    expect(client.errors).toEqual(['STORAGE_FAILED']);
    client.sent[0]!.settle();
    await expect(stored).resolves.toBe('id of a');
  });

  it('tells once of what is no event, and takes it out', async () => {
    const shelf = new Shelf(isAsync);
    const former = page(shelf);
    former.outbox.publish('notes', 'a').catch(() => undefined);
    await quiet();
    const [key] = shelf.items.keys();
    shelf.items.set(`${key} more`, '{"topic":');
    shelf.items.set(`${key} most`, 'null');
    const { client } = page(shelf);
    await quiet();
    expect(client.errors).toEqual(['STORAGE_CORRUPT', 'STORAGE_CORRUPT']);
    expect(client.data).toEqual(['a']);
    expect([...shelf.items.keys()]).toEqual([key]);
  });

  it('publishes what a closed tab has left when the client is live again, once its own is stored', async () => {
    const shelf = new Shelf(isAsync);
    const { client, outbox } = page(shelf);
    await outbox.ready;
    const other = page(shelf);
    other.outbox.publish('notes', 'left').catch(() => undefined);
    void outbox.publish('notes', 'own');
    await quiet();
    client.goLive();
    await quiet();
    expect(client.data).toEqual(['own']);
    client.sent[0]!.settle();
    await quiet();
    expect(client.data).toEqual(['own', 'left']);
  });

  it('answers everybody who publishes the same message id', async () => {
    const { client, outbox } = page(new Shelf(isAsync));
    const both = [1, 2].map(() => outbox.publish('notes', 'a', { messageId: 'same' }));
    await quiet();
    expect(client.sent).toHaveLength(1);
    client.sent[0]!.settle();
    expect(await Promise.all(both)).toEqual(['id of a', 'id of a']);
  });

  it('says what is no JSON', async () => {
    const { outbox } = page(new Shelf(isAsync));
    await expect(outbox.publish('notes', () => 1)).rejects.toMatchObject({ code: 'DATA_NOT_SERIALIZABLE' });
    expect(outbox.events).toEqual([]);
  });
});
