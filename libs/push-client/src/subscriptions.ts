import type { Link, LinkListener } from './link.js';
import type { Listeners } from './listeners.js';
import type { GapNotice } from './protocol/gap.js';
import type { Ended, ServerMessage } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';
import { PushError } from './push-error.js';
import { randomId } from './random-id.js';
import { positionIn } from './requests.js';
import { matcher } from './topics.js';

/** How many topics one message may have. This keeps each message below every server's limit. */
const maxTopicsPerMessage = 100;

/** How long to wait before asking again for a subscription that the server could not accept, in milliseconds. */
const pause = 2_000;

/** A reader of a topic or pattern. */
export class Subscription {
  readonly matches: (topic: string) => boolean;
  state: 'waiting' | 'asked' | 'live' = 'waiting';

  /**
   * @param from where to ask for it
   * @param handle MUST NOT throw
   * @param live is called when the server has confirmed it
   * @param end is called when it is over: it was refused, its topic has ended, or the client is closed
   */
  constructor(
    readonly pattern: string,
    public from: Start,
    readonly handle: (message: ServerMessage) => void,
    readonly live: () => void,
    readonly end: (error?: PushError) => void,
  ) {
    this.matches = matcher(pattern);
  }
}

/** What the subscriptions need of the client. */
export interface SubscriptionsClient extends Pick<Link, 'send'> {
  /** Gets refusals. */
  onError(error: PushError): void;
}

/**
 * The client's subscriptions and the position of each reader. All live ones share one position. The others catch up with them one
 * batch at a time, and each batch has a position. Whenever the link is lost, each reader resumes at its own.
 */
export class Subscriptions implements Pick<LinkListener, 'up' | 'message'> {
  readonly #all = new Set<Subscription>();
  /** The topics that were requested on the link. */
  readonly #wired = new Set<string>();
  /** All events of the live subscriptions up to here were handled. */
  #position: string | undefined;
  /** The batch that was requested and is not live yet. */
  #asked: { readonly members: readonly Subscription[]; position: Start } | undefined;
  /**
   * The state of the readers that messages are for. Between `subscribed` and `live` all messages are for the batch that is catching
   * up, which may be another tab's.
   */
  #turn: Subscription['state'] | 'others' = 'live';
  /** How many topics are requested together. */
  #batchSize = maxTopicsPerMessage;
  /** Another one on each link. An answer that was on its way when the link was lost may still come. */
  #ref!: string;
  #isScheduled = false;

  constructor(
    private readonly client: SubscriptionsClient,
    private readonly gaps: Pick<Listeners<GapNotice>, 'emit'>,
    private readonly ends: Pick<Listeners<Ended>, 'emit'>,
  ) {}

  add(subscription: Subscription): void {
    this.#all.add(subscription);
    this.#schedule();
  }

  /** Removes a subscription, which then handles no more events. Idempotent. */
  delete(subscription: Subscription): void {
    if (this.#all.delete(subscription)) this.#schedule();
  }

  get position(): string | undefined {
    return this.#position;
  }

  /** Where a subscription would have to resume now. */
  positionOf(subscription: Subscription): Start {
    if (subscription.state === 'live') return this.#position!;
    return subscription.state === 'asked' ? this.#asked!.position : subscription.from;
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#all.values();
  }

  up(): void {
    this.#putBack(this.#all);
    this.#wired.clear();
    this.#asked = undefined;
    this.#turn = 'live';
    this.#batchSize = maxTopicsPerMessage;
    this.#ref = randomId();
    this.#ask();
  }

  message(message: ServerMessage, refs?: readonly string[]): void {
    const { event, data } = message;
    const isOurs = 'ref' in data && (refs ?? [data.ref]).includes(this.#ref);
    if (event === 'subscribed') this.#turn = isOurs ? 'asked' : 'others';
    const id = positionIn(message, this.#asked?.position);
    if (id && this.#turn === 'asked') this.#asked!.position = id;
    if (id && this.#turn === 'live') this.#position = id;
    this.#tell(message);
    if (event === 'live') this.#settle(data.id, isOurs);
    else if (event === 'error' && isOurs) this.#refuse(data);
    else if (event === 'revoked') this.#revoke(data.topics, data.retryable);
  }

  /** Hands a message to its readers, errors to all of them, and a gap that concerns any of them to the listener. */
  #tell(message: ServerMessage): void {
    const { event, data } = message;
    const concerns = ({ pattern, matches }: Subscription) =>
      'topic' in data ? matches(data.topic) : event !== 'gap' || data.topics.includes(pattern);
    const readers = [...this.#all].filter(
      (each) => event === 'error' || (each.state === this.#turn && concerns(each)),
    );
    for (const reader of readers) {
      // An earlier handler may have removed this one.
      if (!this.#all.has(reader)) continue;
      reader.handle(message);
      if (event !== 'ended' || reader.pattern !== data.topic) continue;
      // It has everything, although the batch is still catching up.
      if (reader.state === 'asked') reader.live();
      this.#end([reader]);
    }
    if (!readers[0]) return;
    if (event === 'gap') this.gaps.emit({ ...data, topics: [...topicsOf(readers)] });
    if (event === 'ended') this.ends.emit(data);
  }

  #settle(id: string, isOurs: boolean): void {
    this.#turn = 'live';
    this.#position = id;
    if (!isOurs) return;
    const { members } = this.#asked!;
    this.#asked = undefined;
    this.#batchSize = Math.min(2 * this.#batchSize, maxTopicsPerMessage);
    for (const member of members) member.state = 'live';
    for (const member of members) if (this.#all.has(member)) member.live();
    this.#schedule();
  }

  #refuse({ code, message, retryable }: { code: string; message: string; retryable: boolean }): void {
    const { members } = this.#asked!;
    this.#putBack(members);
    this.#asked = undefined;
    if (retryable) {
      this.client.onError(new PushError(code, message, true, [...topicsOf(members)]));
      setTimeout(() => this.#schedule(), pause);
      return;
    }
    const { size } = topicsOf(members);
    if (size === 1) return this.#remove(members, code, message);
    // The refusal may be about one topic only. Halving the batch finds it.
    this.#batchSize = size >> 1;
    this.#schedule();
  }

  /** Marks subscriptions to be requested again, each from its position. */
  #putBack(subscriptions: Iterable<Subscription>): void {
    for (const subscription of [...subscriptions]) {
      subscription.from = this.positionOf(subscription);
      subscription.state = 'waiting';
      // The others have their turn first, whatever happens to this one.
      if (this.#all.delete(subscription)) this.#all.add(subscription);
    }
  }

  /** @param isUndecided whether the server could not decide in time, so that it is asked again */
  #revoke(topics: readonly string[], isUndecided?: boolean): void {
    const lost = [...this.#all].filter(({ pattern, state }) => state === 'live' && topics.includes(pattern));
    if (!lost[0]) return;
    if (!isUndecided) return this.#remove(lost, 'FORBIDDEN', `No longer allowed: ${topics.join(', ')}`);
    this.#putBack(lost);
    setTimeout(() => this.#schedule(), pause);
  }

  #remove(subscriptions: readonly Subscription[], code: string, message: string): void {
    const error = new PushError(code, message, false, [...topicsOf(subscriptions)]);
    this.#end(subscriptions, error);
    this.client.onError(error);
  }

  #end(subscriptions: readonly Subscription[], error?: PushError): void {
    for (const subscription of subscriptions) if (this.#all.delete(subscription)) subscription.end(error);
    this.#schedule();
  }

  /** Collects the changes of one turn of the event loop into one request. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#ask();
    });
  }

  #ask(): void {
    const wanted = topicsOf(this.#all);
    const topics = [...this.#wired].filter((pattern) => !wanted.has(pattern) && this.#wired.delete(pattern));
    if (topics[0]) this.client.send({ event: 'unsubscribe', data: { topics } });
    if (!this.#asked) this.#askNext();
  }

  /** Requests the next subscriptions with the same start. Those that start at `now` go first. */
  #askNext(): void {
    const waiting = [...this.#all].filter(({ state }) => state === 'waiting');
    const first = waiting.find(({ from }) => from === 'now') ?? waiting[0];
    if (!first) return;
    const { from } = first;
    const next = waiting.filter((each) => each.from === from);
    // The server refuses all topics of a message if it cannot load the snapshot of one.
    const most = from === 'snapshot' ? 1 : this.#batchSize;
    const topics = new Set([...topicsOf(next)].slice(0, most));
    const members = next.filter(({ pattern }) => topics.has(pattern));
    for (const member of members) member.state = 'asked';
    for (const topic of topics) this.#wired.add(topic);
    this.#asked = { members, position: from };
    this.client.send({
      event: 'subscribe',
      data: { topics: [...topics], from, repeat: true, ref: this.#ref },
    });
  }
}

function topicsOf(subscriptions: Iterable<Subscription>): Set<string> {
  return new Set([...subscriptions].map(({ pattern }) => pattern));
}
