import type { Connection } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { HistoryPage } from '../contracts/backplane.js';
import { printPosition, type Position } from '../contracts/position.js';
import type { Reading } from './catch-up.js';
import type { CursorHost } from './cursor-host.js';
import { refusalOf } from './forerunners.js';
import { Inquiry } from './inquiry.js';
import { Join, type SubscribeOptions } from './join.js';
import { Leg, type Loss } from './leg.js';
import type { Member } from './subscribers.js';
import { Subscription } from './subscription.js';

/**
 * Where a reader begins: `now` (only what comes), `last` (the newest retained event of each topic, then live),
 * `earliest` (everything retained), or an event's id (everything behind it).
 */
export type Start = 'now' | 'last' | 'earliest' | (string & {});

/** How many topics of one connection may wait for their turn to be added; a subscription that lost all of its own counts too. */
const maxWaiting = 1_000;

/**
 * A connection's place in the log. It is either live, and gets what comes, or it catches up, from the window or the
 * backplane, at the speed of its socket. Nothing is queued for it: what it has not got yet is in the log, behind its
 * cursor.
 */
export class Cursor implements Member, Reading {
  since = 0;
  selected: Member['selected'];
  /** The topics that go on together. */
  private main: Leg;
  /** Those that have to reach `main` first, one after the other. */
  private joins: Join[] = [];
  private state: 'live' | 'behind' | 'left' = 'behind';
  /** The socket is full: wait for `drained`. */
  private full = false;
  /** What it asks the backplane, while it is not live. */
  private inquiry: Inquiry | undefined;

  constructor(
    private readonly hub: CursorHost,
    readonly connection: Connection,
  ) {
    this.main = new Leg(hub.window, hub.window.head, 'slow', hub.interestOf(this));
  }

  /** The id of the position up to which the connection has everything; `undefined` as long as the log is not known. */
  get position(): string | undefined {
    if (this.hub.epoch === '') return undefined;
    const claim = this.main.size === 0 ? this.joins[0]?.claim : undefined;
    return claim ? printPosition(claim) : this.hub.print(this.sequence);
  }

  /** The sequence of that position. */
  get sequence(): number {
    const join = this.joins[0];
    // With nothing else, it is where the first topics begin.
    if (join && (join.begun || this.main.size === 0)) return join.leg.sequence;
    if (this.isIdle) return this.hub.window.head;
    const { sequence } = this.main;
    return this.isLive ? Math.max(sequence, this.hub.delivered) : sequence;
  }

  /** Its topics and patterns, in the order in which they were subscribed to. */
  get topics(): readonly string[] {
    return [...new Set([this.main, ...this.joins.map(({ leg }) => leg)].flatMap(({ patterns }) => patterns))];
  }

  /** Equal for connections with the same topics. */
  get audience(): string | undefined {
    return this.main.size > 0 ? this.main.topics.key : undefined;
  }

  /** Whether it has everything there is. */
  get isLive(): boolean {
    return this.state === 'live';
  }

  private get isIdle(): boolean {
    return this.main.size === 0 && this.joins.length === 0;
  }

  /**
   * Adds topics or patterns, from `start` on; of what it already has, nothing is delivered twice unless it is asked for.
   * Topics that start `now` start where the connection is, which is the end of the log unless it is slow. Several
   * subscriptions have their turns one after the other.
   *
   * @param before is called with the id of where they start, before anything of them is delivered
   * @throws PushError `UNAVAILABLE` if they start at an id and the log is not known yet, `LIMIT_EXCEEDED` if too many wait
   */
  subscribe(
    patterns: readonly string[],
    start: Start,
    before?: (id: string) => void,
    options: SubscribeOptions = {},
  ): void {
    if (this.state === 'left') return;
    this.assertMayJoin(patterns, start);
    this.pause();
    if (this.isIdle) this.main.sequence = this.hub.window.head;
    const { window, epoch } = this.hub;
    const join = new Join(window, this.main.sequence, epoch, patterns, start, before, options);
    this.joins.push(join);
    this.advance();
  }

  /** Removes topics or patterns. Those that it does not have are ignored. */
  unsubscribe(patterns: readonly string[]): void {
    this.pause();
    this.inquiry?.drop();
    for (const pattern of patterns) {
      this.main.delete(pattern);
      for (const { leg } of this.joins) leg.delete(pattern);
    }
    this.advance();
  }

  /** The connection has room again. */
  drained(): void {
    this.full = false;
    this.advance();
  }

  /** The connection is gone; nothing of it stays. Idempotent. */
  leave(): void {
    if (this.state === 'left') return;
    this.inquiry?.drop();
    this.state = 'left';
    const { topics } = this.main;
    this.main = new Leg(this.hub.window, this.main.sequence, 'slow');
    this.joins = [];
    this.hub.catchUp.forget(this);
    this.hub.forget(this, topics);
  }

  /** Takes what a round of deliveries brings. */
  receive(batch: Batch): void {
    const own = batch.partFor(this.connection, this.main.sequence);
    this.main.sequence = Math.max(this.main.sequence, batch.last);
    if (own) this.written(this.connection.write(own));
  }

  /** The log is known: what was subscribed to before begins. */
  open(): void {
    const { head } = this.hub.window;
    this.main.sequence = head;
    for (const join of this.joins) join.opened(head);
    this.advance();
  }

  /** Another log has taken the place of the one it was reading: it is told, and gets what that one has. */
  reopen(): void {
    if (this.joins.some(({ options }) => options.onLive)) {
      // Its client keeps a position for each of them: it comes back with those, and is told of each what it lost.
      this.end(new PushError('UNAVAILABLE', 'Another log has taken its place. Resume there.'));
      return;
    }
    const { hub } = this;
    // They may come from the log that there is now.
    const claims = this.joins.filter(({ claim }) => claim);
    this.joins = this.joins.filter(({ claim }) => !claim);
    const { topics } = this;
    this.inquiry?.drop();
    this.state = 'behind';
    this.joins = claims.map((join) => join.again(hub.window.head, hub.epoch));
    this.main = new Leg(hub.window, hub.window.head, 'slow', this.main.topics);
    for (const pattern of topics) this.main.add(new Subscription(pattern, hub.window.head));
    if (topics.length > 0) this.main.notice = 'epoch';
    this.advance();
  }

  /** Stops to be live, with everything that is published by now: the window may not hold it until it comes back. */
  pause(): void {
    const { main } = this;
    if (!this.isLive) return;
    this.fallBehind();
    const events: LogEvent[] = [];
    for (const event of this.hub.undelivered()) {
      if (event.sequence <= main.sequence) continue;
      main.sequence = event.sequence;
      if (main.topics.has(event.topic)) events.push(event);
    }
    this.write(events);
  }

  /** The node could not follow the log: that something is missing now is not for the reader's slowness. */
  skipped(): void {
    this.main.reason = 'evicted';
    this.advance();
  }

  private assertMayJoin(patterns: readonly string[], start: Start): void {
    const isNamed = start === 'now' || start === 'last' || start === 'earliest';
    if (!isNamed && this.hub.epoch === '') {
      const advice = 'Try again when the backplane is there.';
      throw new PushError('UNAVAILABLE', `The log cannot be read yet. ${advice}`);
    }
    const waiting = this.joins.reduce((sum, { leg }) => sum + Math.max(leg.size, 1), patterns.length);
    if (waiting <= maxWaiting) return;
    const advice = 'Read what comes, and wait for the earlier ones first.';
    throw new PushError('LIMIT_EXCEEDED', `More than ${maxWaiting} topics wait to be added. ${advice}`);
  }

  /** Its turn has come: see `CatchUp`. */
  resume(): void {
    if (this.connection.together) this.connection.together(() => this.advance());
    else this.advance();
  }

  /** Catches up until it is live, or its socket is full, or others have their turn. */
  advance(): void {
    while (this.mayGoOn()) {
      const join = this.joins[0];
      if (join && !this.main.notice) this.advanceJoin(join);
      else if (this.main.size === 0) return;
      else if (this.step(this.main, this.hub.window.head)) this.goLive();
    }
  }

  private mayGoOn(): boolean {
    if (this.state !== 'behind' || this.full || this.inquiry?.isOpen || this.hub.epoch === '') return false;
    return this.hub.catchUp.mayGoOn(this);
  }

  private advanceJoin(join: Join): void {
    const { main } = this;
    const { leg } = join;
    if (join.claim) {
      this.examine(join, join.claim);
      return;
    }
    // One that starts ahead of a slow connection waits for it: between its begin and its end nothing else is delivered.
    if (leg.sequence > main.sequence) this.step(main, leg.sequence);
    else if (!join.begun) {
      join.begin(main);
      join.before?.(this.hub.print(leg.sequence));
      if (join.bringsNothing) leg.sequence = main.sequence;
    } else if (this.step(leg, main.sequence, join.options.repeat ? undefined : main)) {
      this.joins.shift();
      join.end(main);
      join.options.onLive?.(this.hub.print(main.sequence));
    }
  }

  /** Finds out whether a connection was where it wants to go on. Nothing moves until that is known, and this node there. */
  private examine(join: Join, claim: Position): void {
    const { forerunners, epoch, window } = this.hub;
    const doubt = refusalOf(claim, { epoch, sequence: window.head });
    if (!doubt || !forerunners) {
      join.settle(doubt);
      return;
    }
    this.inquire().examine(forerunners, claim, (refusal) => join.settle(refusal));
  }

  private goLive(): void {
    this.inquiry = undefined;
    this.main.reason = 'slow';
    this.state = 'live';
    this.since = this.hub.round;
  }

  /**
   * Takes `leg` one page further.
   *
   * @param other what this one has brought is not brought again
   * @returns whether it has reached `through`
   */
  private step(leg: Leg, through: number, other?: Leg): boolean {
    if (leg.sequence >= through && !leg.notice) return true;
    const query = leg.missing(through);
    const page = query && this.inquire().page(this.hub.history!, leg, query);
    if (query && !page) return false;
    const untold = leg.untold(page);
    if (untold.length > 0) {
      this.admit(leg, through, untold, page);
      return false;
    }
    const stretch = leg.read(through, page);
    this.hub.catchUp.spend(stretch.read);
    leg.sequence = stretch.through;
    const isNew = other && other.size > 0 && ((event: LogEvent) => !other.brings(event));
    this.write(isNew ? stretch.events.filter(isNew) : stretch.events);
    return false;
  }

  private inquire(): Inquiry {
    return (this.inquiry ??= new Inquiry(() => this.advance()));
  }

  /** Deals with events that are gone, by the policy of their topics. */
  private admit(leg: Leg, through: number, untold: readonly Loss[], page: HistoryPage | undefined): void {
    const reason = leg.notice ?? leg.reason;
    const topics = untold.map(({ subscription }) => subscription.pattern);
    const policies = topics.map((pattern) => (reason === 'slow' ? this.hub.slowPolicyOf(pattern) : 'gap'));
    if (policies.includes('disconnect')) {
      const message = `Fell too far behind on ${topics.join(', ')}. Load the state anew, then reconnect.`;
      this.end(new PushError('TOO_SLOW', message));
      return;
    }
    leg.tell(untold, through, page);
    const { head } = this.hub.window;
    untold.forEach(({ subscription }, index) => policies[index] === 'latest' && subscription.conflate(head));
    this.hub.gaps++;
    this.written(this.connection.gap({ reason, topics, id: this.hub.print(leg.sequence) }));
  }

  private end(error: PushError): void {
    this.connection.fail(error);
    this.leave();
  }

  /** Writes those of the events that do not except the connection. */
  private write(events: readonly LogEvent[]): void {
    if (events.length === 0) return;
    const own = this.hub.window.reads.batchOf(events).partFor(this.connection, 0);
    if (own) this.written(this.connection.write(own));
  }

  private written(hasRoom: boolean): void {
    if (hasRoom) return;
    this.full = true;
    this.inquiry?.forget();
    if (this.isLive) this.fallBehind();
  }

  private fallBehind(): void {
    this.state = 'behind';
    this.main.sequence = Math.max(this.main.sequence, this.hub.delivered);
  }
}
