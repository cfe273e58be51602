import type { PushClient } from '../connect.js';
import type { PushTopics } from '../declared-topics.js';
import { Listeners, type ListenOptions } from '../listeners.js';
import type { DeclaredTopic, PublishedBy } from '../protocol/topic-types.js';
import type { PublishOptions } from '../publisher.js';
import { PushError } from '../push-error.js';
import { randomId } from '../random-id.js';
import { StoredEvents, type OutboxEvent, type OutboxStorage } from './stored-events.js';

/** How long to wait when the client's queue has no room, in milliseconds. */
const pause = 1_000;

/** What an outbox needs of a client. */
export interface OutboxClient extends Pick<PushClient, 'url' | 'status' | 'onStatus' | 'onError' | 'signal'> {
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<string | undefined>;
}

/** Options of an outbox. */
export interface OutboxOptions extends ListenOptions {
  /** Where events wait across reloads: `localStorage`, `AsyncStorage` of React Native, or anything like them. */
  readonly storage: OutboxStorage;
  /**
   * Names the user. What another user has left in the storage is neither published nor seen. Where nobody logs in, any word does.
   */
  readonly user: string;
  /** How many events may be in it, the refused ones included. Default: 100. */
  readonly limit?: number;
}

/** Options of publishing through an outbox. */
export type OutboxPublishOptions = Pick<PublishOptions, 'type' | 'echo' | 'messageId'>;

/** Answers whoever published an event. An event that a former page has left has nobody. */
interface Caller {
  resolve(id: string | undefined): void;
  reject(error: unknown): void;
}

interface Entry {
  event: OutboxEvent;
  readonly callers: Caller[];
  /** Whether it was written to the storage. It is sent afterwards. */
  isWritten: boolean;
  /** Takes it out of the client's queue. It is there, or the event is not on its way. */
  abort?: AbortController;
}

/** Events that wait in a storage until the server has stored them. Created by `outboxOf`. */
export class Outbox<Topics = PushTopics> {
  /** Resolves when what former pages have left is read. */
  readonly ready: Promise<void>;
  readonly #stored: StoredEvents;
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  readonly #changes: Listeners<void>;
  readonly #life = new AbortController();
  #events: readonly OutboxEvent[] | undefined;
  /** The storage is used by one call after the other, so that events stay in order. */
  #turn: Promise<unknown>;
  #newest = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** Whether other tabs may have left something, since the client was away. */
  #isToLookAgain = false;

  constructor(
    private readonly push: OutboxClient,
    { storage, user, limit = 100, signal }: OutboxOptions,
  ) {
    const server = new URL(push.url, (globalThis as { location?: Location }).location?.href).href;
    this.#stored = new StoredEvents(storage, `nestjs-push outbox ${server} ${encodeURIComponent(user)} `);
    this.#limit = limit;
    this.#changes = new Listeners(push.onError);
    this.#turn = this.ready = this.#adopt();
    const own = { signal: this.#life.signal };
    for (const each of [push.signal, signal]) {
      if (each?.aborted) this.close();
      else each?.addEventListener('abort', () => this.close(), own);
    }
    push.onStatus(({ status }) => {
      if (status !== 'live') return;
      this.#isToLookAgain = true;
      this.#send();
    }, own);
    const target = globalThis as Partial<EventTarget>;
    target.addEventListener?.('storage', (event) => this.#noteOthers(event as StorageEvent), own);
  }

  /** The events that wait or were refused, oldest first. It is the same array until something changes. */
  get events(): readonly OutboxEvent[] {
    return (this.#events ??= [...this.#entries.values()].map(({ event }) => event));
  }

  /** Those that wait. */
  get waiting(): readonly OutboxEvent[] {
    return this.events.filter(({ refused }) => !refused);
  }

  /** Those that the server has refused for good: see {@link retry} and {@link discard}. */
  get refused(): readonly OutboxEvent[] {
    return this.events.filter(({ refused }) => refused);
  }

  /**
   * Calls `listener` after {@link events} has changed. Errors that it throws go to the client's `onError`.
   *
   * @returns a function that removes the listener
   */
  readonly onChange = (listener: () => unknown, options?: ListenOptions): (() => void) =>
    this.#changes.add(listener, options);

  /**
   * Publishes an event, as `push.publish` does, once it is in the storage. If the page is left before the server has stored it, the
   * next page with an outbox of the same user publishes it. Without room in the storage it is published all the same, and `onError` is
   * told that it would not survive a reload.
   *
   * @returns the id of the stored event
   * @throws PushError as the server says, and the event stays in {@link refused}. `LIMIT_EXCEEDED` if the outbox is full,
   * `DATA_NOT_SERIALIZABLE`, and `CLOSED`: then the event waits for the next page
   */
  async publish<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    data: PublishedBy<Topics, Topic>,
    options: OutboxPublishOptions = {},
  ): Promise<string | undefined> {
    if (this.#life.signal.aborted) throw closed();
    const { messageId = randomId(), type, echo } = options;
    const known = this.#entries.get(messageId);
    if (!known && this.#entries.size >= this.#limit)
      throw new PushError('LIMIT_EXCEEDED', `${this.#limit} events wait.`, true);
    const event = { messageId, topic, data: copy(data), type, echo, at: this.#now() };
    return new Promise((resolve, reject) => {
      const caller = { resolve, reject };
      if (known) known.callers.push(caller);
      else this.#add({ event, callers: [caller], isWritten: false });
    });
  }

  /** Publishes a refused event again. */
  retry(messageId: string): void {
    const entry = this.#entries.get(messageId);
    if (!entry?.event.refused) return;
    this.#change(entry, undefined);
    this.#send();
  }

  /** Takes an event out. One that waits may still be stored, if it is on its way. */
  discard(messageId: string): void {
    const entry = this.#entries.get(messageId);
    if (!entry) return;
    this.#drop(entry);
    this.#next(() => this.#stored.remove(entry.event));
    entry.abort?.abort();
    for (const { reject } of entry.callers) reject(new PushError('DISCARDED', 'It was discarded.'));
  }

  /** Publishes no more. What waits stays in the storage. Call it when the user changes. The client closes it too. Idempotent. */
  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    clearTimeout(this.#pause);
    for (const { abort, callers } of this.#entries.values()) {
      abort?.abort();
      for (const { reject } of callers) reject(closed());
    }
  }

  /** Takes over what other pages have left. */
  async #adopt(): Promise<void> {
    try {
      const left = await this.#stored.list(this.#limit, this.push.onError);
      if (this.#life.signal.aborted) return;
      for (const event of left) {
        this.#newest = Math.max(this.#newest, event.at);
        if (this.#entries.has(event.messageId) || this.#entries.size >= this.#limit) continue;
        this.#entries.set(event.messageId, { event, callers: [], isWritten: true });
        this.#changed();
      }
      this.#send();
    } catch (error) {
      this.push.onError(error);
    }
  }

  #add(entry: Entry): void {
    const { event } = entry;
    this.#entries.set(event.messageId, entry);
    this.#changed();
    this.#next(async () => {
      await this.#stored.save(event).catch(this.push.onError);
      entry.isWritten = true;
      this.#send();
    });
  }

  /** The time, or a bit more: no two events have the same, and none has one before those that are there. */
  #now(): number {
    return (this.#newest = Math.max(this.#newest + 1, Date.now()));
  }

  /** Another tab publishes its own. What is left when this one has nothing to do any more is from a tab that is gone. */
  #lookAgain(): void {
    if (!this.#isToLookAgain || this.push.status !== 'live' || this.waiting[0]) return;
    this.#isToLookAgain = false;
    this.#next(() => this.#adopt());
  }

  /** Another tab has taken an event out of the storage: it is stored on the server, or discarded. */
  #noteOthers({ key, newValue }: StorageEvent): void {
    if (newValue !== null) return;
    const entry = [...this.#entries.values()].find(({ event }) => this.#stored.keyOf(event) === key);
    // What was published here is answered here.
    if (!entry || (entry.callers[0] && !entry.event.refused)) return;
    this.#drop(entry);
    entry.abort?.abort();
  }

  /** Hands over everything that is not on its way, in order. */
  #send(): void {
    if (this.#life.signal.aborted) return;
    for (const entry of this.#entries.values())
      if (entry.isWritten && !entry.abort && !entry.event.refused) this.#publish(entry);
    this.#lookAgain();
  }

  #publish(entry: Entry): void {
    const abort = (entry.abort = new AbortController());
    const { topic, data, type, echo, messageId } = entry.event;
    this.push.publish(topic, data, { type, echo, messageId, signal: abort.signal }).then(
      (id) => this.#settled(entry, id),
      (error: unknown) => {
        entry.abort = undefined;
        if (!abort.signal.aborted) this.#failed(entry, error as PushError);
      },
    );
  }

  #settled(entry: Entry, id: string | undefined): void {
    for (const { resolve } of entry.callers) resolve(id);
    this.#drop(entry);
    this.#next(() => this.#stored.remove(entry.event));
    this.#send();
  }

  #failed(entry: Entry, error: PushError): void {
    const { code, message, details, retryable } = error;
    // The client is closed: the event waits for another page.
    if (code === 'CLOSED') return;
    if (retryable) {
      this.#pause ??= setTimeout(() => {
        this.#pause = undefined;
        this.#send();
      }, pause);
      return;
    }
    for (const { reject } of entry.callers) reject(error);
    this.#change(entry, { code, message, details });
    this.#send();
  }

  #change(entry: Entry, refused: OutboxEvent['refused']): void {
    entry.event = { ...entry.event, refused };
    this.#next(() => this.#stored.save(entry.event));
    this.#changed();
  }

  #drop({ event }: Entry): void {
    if (this.#entries.delete(event.messageId)) this.#changed();
  }

  /** Uses the storage in its turn. Errors are told. */
  #next(run: () => Promise<void>): void {
    this.#turn = this.#turn.then(run).catch(this.push.onError);
  }

  #changed(): void {
    this.#events = undefined;
    this.#changes.emit();
  }
}

/** The data as it is now, as JSON. */
function copy(data: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(data));
  } catch (error) {
    throw new PushError('DATA_NOT_SERIALIZABLE', `Not JSON: ${String(error)}`);
  }
}

function closed(): PushError {
  return new PushError('CLOSED', 'The outbox is closed.');
}
