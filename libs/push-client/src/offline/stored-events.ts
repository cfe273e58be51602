import { PushError } from '../push-error.js';

/** A value now, or later. */
type Maybe<Value> = Value | Promise<Value>;

/**
 * Where events wait: `localStorage`, or anything with these methods, whose answers may be promises: `AsyncStorage` of React Native.
 * It lists its keys by `key` and `length`, as `Storage` does, or by `getAllKeys`.
 */
export interface OutboxStorage {
  getItem(key: string): Maybe<string | null>;
  setItem(key: string, value: string): Maybe<unknown>;
  removeItem(key: string): Maybe<unknown>;
  getAllKeys?(): Maybe<readonly string[]>;
  key?(index: number): string | null;
  readonly length?: number;
}

/** Why the server has refused an event for good. */
export type OutboxRefusal = Pick<PushError, 'code' | 'message' | 'details'>;

/** An event that waits, or was refused. */
export interface OutboxEvent<Data = unknown> {
  /** By it the server recognises the event, so that it is stored once. */
  readonly messageId: string;
  readonly topic: string;
  readonly data: Data;
  readonly type?: string;
  /** Whether this client gets the event itself. Default: `true`. */
  readonly echo?: boolean;
  /** When it was published, in milliseconds since 1970, on the clock of the page. */
  readonly at: number;
  /** Why the server has refused it; `undefined` if it waits. */
  readonly refused?: OutboxRefusal;
}

/**
 * The events of one outbox in a storage: an item for each, so that tabs that write at the same time do not overwrite each other. The
 * keys are in the order of the events.
 */
export class StoredEvents {
  constructor(
    private readonly storage: OutboxStorage,
    readonly prefix: string,
  ) {}

  /** The key of an event. */
  keyOf({ at, messageId }: OutboxEvent): string {
    return `${this.prefix}${String(at).padStart(16, '0')} ${messageId}`;
  }

  /** @throws PushError `STORAGE_FAILED`, if the storage is full, say */
  async save(event: OutboxEvent): Promise<void> {
    await this.#use(() => this.storage.setItem(this.keyOf(event), JSON.stringify(event)));
  }

  /** @throws PushError `STORAGE_FAILED` */
  async remove(event: OutboxEvent): Promise<void> {
    await this.#use(() => this.storage.removeItem(this.keyOf(event)));
  }

  /**
   * The events that are stored, oldest first. What is no event is taken out of the storage.
   *
   * @param limit how many there are at most. The others stay where they are
   * @throws PushError `STORAGE_FAILED`
   */
  async list(limit: number, onCorrupt: (error: PushError) => void): Promise<OutboxEvent[]> {
    const { storage, prefix } = this;
    const keys = await this.#use(
      () =>
        storage.getAllKeys?.() ?? Array.from({ length: storage.length ?? 0 }, (_, at) => storage.key!(at)!),
    );
    const events: OutboxEvent[] = [];
    for (const key of keys.filter((each) => each.startsWith(prefix)).sort()) {
      if (events.length >= limit) break;
      const text = await this.#use(() => storage.getItem(key));
      const event = eventIn(text);
      if (event && this.keyOf(event) === key) events.push(event);
      // Another tab may just have taken it out.
      else if (text !== null) {
        onCorrupt(new PushError('STORAGE_CORRUPT', `What was stored as ${key} is no event.`));
        await this.#use(() => storage.removeItem(key));
      }
    }
    return events;
  }

  async #use<Value>(run: () => Maybe<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      throw new PushError('STORAGE_FAILED', String(error), true);
    }
  }
}

function eventIn(text: string | null): OutboxEvent | undefined {
  try {
    const event = JSON.parse(text!) as OutboxEvent;
    return typeof event.topic === 'string' && 'data' in event ? event : undefined;
  } catch {
    return undefined;
  }
}
