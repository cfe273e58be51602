import type { AnyClient } from './any-client.js';
import { Listeners } from '../listeners.js';
import type { PushEvent } from '../protocol/messages.js';
import type { PublishOptions } from '../publisher.js';
import { PushError } from '../push-error.js';
import { randomId } from '../random-id.js';

/** How many events are pending at most, with those that were refused: beyond that the oldest refused one is given up. */
const mostPending = 1_000;

/**
 * How long an event that is stored is waited for, in milliseconds. If it has not come by then, the page has begun to read the topic
 * after it.
 */
const patience = 5_000;

/** An event that the page has published, and that it does not have back yet. */
export interface PendingEvent<Data> {
  /** The page's own name for it: its `messageId`. */
  readonly key: string;
  readonly data: Data;
  /** Why it was refused; `undefined` while it is under way. */
  readonly error: PushError | undefined;
  /** Publishes it again, under the same `messageId`, after an error. */
  readonly retry: () => void;
  /** Gives it up. If it is under way it may still be stored. */
  readonly discard: () => void;
}

/** What a pending event is until it has come back. */
interface Entry<Data> {
  event: PendingEvent<Data>;
  readonly options: PublishOptions;
  /** Its place in the log, once it is stored. */
  id?: string;
  timer?: ReturnType<typeof setTimeout>;
}

/** What this page publishes to a topic: pending from the call until the event itself has come back. */
export class LivePublishing<Data = unknown> {
  readonly #changes: Listeners<void>;
  readonly #entries = new Map<string, Entry<Data>>();
  readonly #stop: () => unknown;
  #pending: readonly PendingEvent<Data>[] = [];
  /** Whether the topic can be read: events that do not come back are pending until they are stored. */
  #isRead = true;
  #isClosed = false;

  /** @param topic an exact topic. It is read, to see the events come back */
  constructor(
    private readonly push: AnyClient,
    private readonly topic: string,
  ) {
    this.#changes = new Listeners(push.onError);
    this.#stop = push.read(
      topic,
      { from: 'now' },
      {
        next: (event) => this.#see(event),
        // What is stored by now will not come any more, or everything that shows it is loaded again.
        live: () => this.#seeStored(),
        notice: ({ event }) => event === 'gap' && this.#seeStored(),
        end: () => {
          this.#isRead = false;
          this.#seeStored();
        },
      },
    );
  }

  /** What is pending, in the order of the calls. The same object until something changes. */
  get pending(): readonly PendingEvent<Data>[] {
    return this.#pending;
  }

  /** Calls `listener` after each change. Returns a function that removes it. */
  readonly onChange = (listener: () => unknown): (() => void) => this.#changes.add(listener);

  /**
   * Publishes an event, as `publish` of the client does. It is pending at once. An error stays with the pending event, so the
   * promise may be ignored.
   */
  publish(data: Data, options: PublishOptions = {}): Promise<string | undefined> {
    const key = options.messageId ?? randomId();
    const event: PendingEvent<Data> = {
      key,
      data,
      error: undefined,
      retry: () => {
        const entry = this.#entries.get(key);
        // A refusal stays with the event.
        if (entry?.event.error) this.#send(entry).catch(() => undefined);
      },
      discard: () => this.#drop(key),
    };
    const entry: Entry<Data> = { event, options: { ...options, messageId: key, tag: key } };
    if (this.#entries.size >= mostPending) this.#dropRefused();
    this.#entries.set(key, entry);
    return this.#send(entry);
  }

  /** Stops reading. Events under way are published all the same. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#stop();
  }

  #send(entry: Entry<Data>): Promise<string | undefined> {
    const { event, options } = entry;
    this.#setError(entry, undefined);
    const answer = this.push.publish(this.topic as never, event.data as never, options);
    answer.then(
      (id) => this.#stored(entry, id),
      (error: unknown) => this.#refused(entry, error),
    );
    return answer;
  }

  #stored(entry: Entry<Data>, id: string | undefined): void {
    const comesBack = this.#isRead && id !== undefined && entry.options.echo !== false;
    if (comesBack) this.#await(entry, id);
    else this.#drop(entry.event.key);
  }

  /** Waits until it comes back. */
  #await(entry: Entry<Data>, id: string): void {
    entry.id = id;
    if (this.#isClosed || !this.#entries.has(entry.event.key)) return;
    entry.timer = setTimeout(() => {
      // Without a connection it comes later.
      if (this.push.status === 'live') this.#drop(entry.event.key);
    }, patience);
  }

  #refused(entry: Entry<Data>, reason: unknown): void {
    const error = reason instanceof PushError ? reason : new PushError('CLOSED', String(reason));
    // Nobody shows it any more.
    if (this.#isClosed) this.push.onError(error);
    this.#setError(entry, error);
  }

  #setError(entry: Entry<Data>, error: PushError | undefined): void {
    entry.event = { ...entry.event, error };
    this.#touch();
  }

  /** The tag tells its own events from others', also before the answer. An older one of the same `messageId` may have none. */
  #see({ tag, id }: PushEvent): void {
    for (const [key, { id: stored }] of this.#entries)
      if (key === tag || (id !== undefined && stored === id)) this.#drop(key);
  }

  #seeStored(): void {
    for (const { event, id } of this.#entries.values()) if (id !== undefined) this.#drop(event.key);
  }

  #dropRefused(): void {
    for (const [key, { event }] of this.#entries) if (event.error) return this.#drop(key);
  }

  #drop(key: string): void {
    clearTimeout(this.#entries.get(key)?.timer);
    if (this.#entries.delete(key)) this.#touch();
  }

  #touch(): void {
    this.#pending = [...this.#entries.values()].map(({ event }) => event);
    this.#changes.emit();
  }
}
