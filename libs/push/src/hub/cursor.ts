import type { Connection, GapReason } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import { Batch, type LogEvent } from '../contracts/event.js';
import { parsePosition } from '../contracts/position.js';
import type { Audience, Member } from './audience.js';
import { delivers, Leg } from './leg.js';
import { TopicSet } from './topic-set.js';
import type { Window } from './window.js';

/**
 * Where a reader begins: `now` (only what comes), `last` (the newest retained event of each topic, then live),
 * `earliest` (everything retained), or an event's id (everything behind it).
 */
export type Start = 'now' | 'last' | 'earliest' | (string & {});

/**
 * What happens to a reader that is so slow that events are gone before it took them: `gap` tells it and goes on with
 * what is retained, `disconnect` ends its connection, `latest` tells it and goes on with the newest event of each topic.
 */
export type SlowPolicy = 'gap' | 'disconnect' | 'latest';

/** How topics are added to a cursor. */
export interface SubscribeOptions {
  /**
   * Called once the topics have reached the connection's other ones, with the id of that position. What is delivered
   * until then is theirs alone.
   */
  readonly onLive?: (id: string) => void;
  /** Deliver also what another topic or pattern of the connection has brought before. Default: `false`. */
  readonly repeat?: boolean;
}

/** What a cursor sees of its node. */
export interface CursorHost {
  readonly window: Window;
  readonly epoch: string;
  /** Live connections have everything up to this sequence. */
  readonly delivered: number;
  /** Gap notices sent. */
  gaps: number;
  print(sequence: number): string;
  slowPolicyOf(pattern: string): SlowPolicy;
  /** Puts `cursor` into the audience of `topics`, not yet as a member. */
  assign(cursor: Cursor, topics: TopicSet | undefined): void;
  /** Drops the cursor for good. */
  forget(cursor: Cursor): void;
}

/** How many bytes of payload a catch-up writes at once. */
const pageBytes = 64 * 1024;

/**
 * A connection's place in the log. It is either live, a member of its audience, or it catches up from the window at the
 * speed of its socket. Nothing is queued for it: what it has not got yet is in the log, behind its cursor.
 */
export class Cursor implements Member {
  /** The audience of all its topics; it is a member of it while it is live. */
  audience: Audience | undefined;
  /** What all its topics have got. */
  private readonly main: Leg;
  /** Topics that were added at older positions, and have to reach `main` first. */
  private joins: Leg[] = [];
  /** Its topics and patterns, and behind which sequence each is delivered. */
  private readonly since = new Map<string, number>();
  /** The highest of those: beyond it, every event of its topics is wanted. */
  private latestSince = 0;
  private state: 'live' | 'behind' | 'left' = 'behind';
  /** The socket is full: wait for `drained`. */
  private full = false;

  constructor(
    private readonly hub: CursorHost,
    readonly connection: Connection,
  ) {
    this.main = new Leg(new TopicSet([]), hub.window.head, 'slow');
  }

  /** The id of the position up to which the connection has everything. */
  get position(): string {
    const join = this.joins[0];
    return this.hub.print(join?.begun ? join.sequence : this.sequence);
  }

  /** Its topics and patterns, in the order in which they were subscribed to. */
  get topics(): readonly string[] {
    return [...this.since.keys()];
  }

  /** Whether it has everything there is. */
  get isLive(): boolean {
    return this.state === 'live';
  }

  private get sequence(): number {
    return this.state === 'live' ? Math.max(this.main.sequence, this.hub.delivered) : this.main.sequence;
  }

  /**
   * Adds topics or patterns, from `start` on; of what it already has, nothing is delivered twice unless it is asked for.
   * Topics that start `now` start where the connection is, which is the end of the log unless it is slow. Several
   * subscriptions have their turns one after the other.
   *
   * @param before is called with the returned id before anything of the topics is delivered
   * @returns the id of the position that the topics start from
   */
  subscribe(
    patterns: readonly string[],
    start: Start,
    before?: (id: string) => void,
    options: SubscribeOptions = {},
  ): string {
    this.main.sequence = this.since.size === 0 ? this.hub.window.head : this.sequence;
    const leg = this.legFrom(new TopicSet(patterns), start);
    leg.before = before;
    leg.onLive = options.onLive;
    if (this.since.size > 0 && !options.repeat) leg.already = new Map(this.since);
    this.joins.push(leg);
    const since = leg.newestOnly ? this.main.sequence : leg.sequence;
    for (const pattern of leg.topics.patterns) {
      this.since.set(pattern, Math.min(this.since.get(pattern) ?? Infinity, since));
    }
    const from = this.hub.print(leg.sequence);
    this.resettle();
    return from;
  }

  /** Removes topics or patterns. Those that it does not have are ignored. */
  unsubscribe(patterns: readonly string[]): void {
    this.main.sequence = this.sequence;
    const removed = new Set(patterns.filter((pattern) => this.since.delete(pattern)));
    if (removed.size === 0) return;
    for (const leg of this.joins) {
      leg.topics = new TopicSet(leg.topics.patterns.filter((pattern) => !removed.has(pattern)));
    }
    this.resettle();
  }

  /** The connection has room again. */
  drained(): void {
    if (!this.full) return;
    this.full = false;
    this.advance();
  }

  /** The connection is gone; nothing of it stays. Idempotent. */
  leave(): void {
    if (this.state === 'left') return;
    this.hub.assign(this, undefined);
    this.state = 'left';
    this.joins = [];
    this.since.clear();
    this.hub.forget(this);
  }

  /** Takes a batch for the audience that it is a live member of. */
  receive(batch: Batch): void {
    const own = batch.partFor(this.connection.id, this.main.sequence);
    this.main.sequence = Math.max(this.main.sequence, batch.last);
    if (own) this.written(this.connection.write(own));
  }

  /** Another log has taken the place of the one it was reading: it is told, and gets what that one has. */
  reopen(): void {
    if (this.joins.some((join) => join.onLive)) {
      // Its client keeps a position for each of them: it comes back with those, and is told of each what it lost.
      this.connection.fail(new PushError('UNAVAILABLE', 'Another log has taken its place. Resume there.'));
      this.leave();
      return;
    }
    this.joins = [];
    this.main.sequence = 0;
    this.main.caughtUp();
    this.main.notice = this.since.size > 0 ? 'epoch' : undefined;
    for (const pattern of this.since.keys()) this.since.set(pattern, 0);
    this.resettle();
  }

  /** Leaves its audience for the one of its present topics, and catches up. */
  resettle(): void {
    if (this.state === 'left') return;
    this.state = 'behind';
    this.latestSince = Math.max(0, ...this.since.values());
    this.main.topics = new TopicSet(this.since.keys());
    this.hub.assign(this, this.main.topics);
    this.advance();
  }

  private legFrom(topics: TopicSet, start: Start): Leg {
    const { window } = this.hub;
    if (start === 'now') return new Leg(topics, this.main.sequence, 'evicted');
    const leg = new Leg(topics, 0, 'evicted');
    if (start === 'earliest' || start === 'last') {
      // They ask for what is retained: that older events are gone is no news.
      leg.tell(window, topics.patterns);
      leg.newestOnly = start === 'last';
      return leg;
    }
    const position = parsePosition(start);
    if (!position) leg.notice = 'malformed';
    else if (position.epoch !== this.hub.epoch) leg.notice = 'epoch';
    else if (position.sequence > window.head) leg.notice = 'future';
    else leg.sequence = position.sequence;
    return leg;
  }

  /** Catches up until it is live, or its socket is full. */
  private advance(): void {
    while (this.state === 'behind' && !this.full) {
      const join = this.joins[0];
      if (join) this.advanceJoin(join);
      else if (!this.audience) return;
      else if (this.step(this.main, this.hub.window.head)) this.goLive(this.audience);
    }
  }

  private advanceJoin(join: Leg): void {
    // One that starts ahead of a slow connection waits for it: between its begin and its end nothing else is delivered.
    if (join.sequence > this.main.sequence) this.step(this.main, join.sequence);
    else if (!join.begun) {
      join.begun = true;
      join.before?.(this.hub.print(join.sequence));
    } else if (this.step(join, this.main.sequence)) {
      this.joins.shift();
      join.onLive?.(this.hub.print(this.main.sequence));
    }
  }

  private goLive(audience: Audience): void {
    this.state = 'live';
    this.main.caughtUp();
    audience.members.add(this);
  }

  /** Takes `leg` one page further. Returns whether it has reached `through`. */
  private step(leg: Leg, through: number): boolean {
    if (leg.notice) {
      this.tell(leg.notice, leg.topics.patterns, leg);
      leg.tell(this.hub.window, leg.topics.patterns);
      leg.notice = undefined;
      return false;
    }
    if (leg.sequence >= through) return true;
    const missing = leg.missing(this.hub.window);
    if (missing.length > 0) {
      const untold = leg.untold(this.hub.window, missing);
      if (untold.length > 0) {
        this.admit(leg, untold);
        return false;
      }
    }
    const { window } = this.hub;
    const page = leg.newestOnly
      ? window.readNewest(leg.topics, leg.sequence, through, pageBytes)
      : window.read(leg.topics, leg.sequence, through, pageBytes);
    leg.sequence = page.at(-1)?.sequence ?? through;
    this.send(leg, page);
    return false;
  }

  /** Deals with events that are gone, by the policy of their topics. */
  private admit(leg: Leg, lost: readonly string[]): void {
    if (leg.reason === 'slow') {
      const policies = lost.map((pattern) => this.hub.slowPolicyOf(pattern));
      if (policies.includes('disconnect')) {
        const message = `Fell too far behind on ${lost.join(', ')}. Load the state anew, then reconnect.`;
        this.connection.fail(new PushError('TOO_SLOW', message));
        this.leave();
        return;
      }
      leg.conflate(lost.filter((_, index) => policies[index] === 'latest'));
    }
    leg.tell(this.hub.window, lost);
    this.tell(leg.reason, lost, leg);
  }

  private tell(reason: GapReason, topics: readonly string[], leg: Leg): void {
    this.hub.gaps++;
    this.written(this.connection.gap({ reason, topics, id: this.hub.print(leg.sequence) }));
  }

  private send(leg: Leg, page: readonly LogEvent[]): void {
    const events = page.filter(
      (event) =>
        event.except !== this.connection.id &&
        leg.wants(event, this.hub.window) &&
        (leg !== this.main || event.sequence > this.latestSince || delivers(this.since, event)),
    );
    if (events.length > 0) this.written(this.connection.write(new Batch(events)));
  }

  private written(hasRoom: boolean): void {
    if (hasRoom) return;
    this.full = true;
    if (this.state !== 'live') return;
    this.state = 'behind';
    this.audience?.members.delete(this);
  }
}
