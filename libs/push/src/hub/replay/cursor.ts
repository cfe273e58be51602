import type { Connection, WorkBudget } from '../../contracts/connection.js';
import { PushError } from '../../contracts/errors.js';
import type { Batch, LogEvent } from '../../contracts/event.js';
import { printPosition } from '../../contracts/position.js';
import { JoinQueue } from './join-queue.js';
import { Join, type Announce, type SubscribeOptions } from './join.js';
import { Leg } from './leg.js';
import { LegReader, stepUnits, type Recipient } from './leg-reader.js';
import type { NodeLog } from './node-log.js';
import type { Task } from '../scheduler.js';
import type { Member } from '../fan-out/subscribers.js';
import { Subscription } from './subscription.js';
import type { Start } from '../../protocol/topics.js';

export type { Start } from '../../protocol/topics.js';

/**
 * A connection's place in the log. It is either live, and gets what comes, or it catches up, from the window or the
 * backplane, at the speed of its socket and as its turn comes. Nothing is queued for it: what it has not got yet is in the
 * log, after this.
 */
export class Cursor implements Member, Task, Recipient {
  since = 0;
  selected: Member['selected'];
  counted: string | undefined;
  /** The topics that go on together. */
  private main: Leg;
  /** Those that have to reach `main` first, one after the other. */
  private joins = new JoinQueue();
  private state: 'live' | 'late' | 'left' = 'late';
  /** The socket is full: wait for `drained`. */
  private full = false;
  /** Reads for it, while it is not live. */
  private reading: LegReader | undefined;

  /** @param onLeave is told when it leaves */
  constructor(
    private readonly log: NodeLog,
    readonly connection: Connection,
    private readonly onLeave: (cursor: Cursor) => void,
  ) {
    const { window, fanOut } = log;
    this.main = new Leg(window, window.head, 'slow', fanOut.interestOf(this));
  }

  get budget(): WorkBudget | undefined {
    return this.connection.budget;
  }

  /** The id of the position up to which the connection has everything; `undefined` as long as the log is not known. */
  get position(): string | undefined {
    if (this.log.epoch === '') return undefined;
    const claim = this.main.size === 0 ? this.joins.first?.claim : undefined;
    return claim ? printPosition(claim) : this.log.print(this.sequence);
  }

  get sequence(): number {
    const join = this.joins.first;
    // With nothing else, it is where the first topics begin.
    if (join && (join.begun || this.main.size === 0)) return join.leg.sequence;
    if (this.isIdle) return this.log.window.head;
    const { sequence } = this.main;
    return this.isLive ? Math.max(sequence, this.log.fanOut.delivered) : sequence;
  }

  /** Its topics and patterns, in the order in which they came. */
  get topics(): readonly string[] {
    return [...new Set([...this.main.patterns, ...this.joins.patterns])];
  }

  /** How many it has; one that is asked for again counts twice until that is done. */
  get topicCount(): number {
    return this.main.size + this.joins.topicCount;
  }

  get audience(): string | undefined {
    return this.main.size > 0 ? this.main.topics.key : undefined;
  }

  /** Whether it has everything there is. */
  get isLive(): boolean {
    return this.state === 'live';
  }

  /** Whether it has no topics. */
  get isIdle(): boolean {
    return this.main.size === 0 && this.joins.size === 0;
  }

  /**
   * Adds topics or patterns, from `start` on; of what it already has, nothing is delivered twice unless it is asked for.
   * Topics that start `now` start where the connection is, which is the end of the log unless it is slow. Several
   * subscriptions have their turns one after the other.
   *
   * @param before is called with the id of where they start, before anything of them is delivered; it and `onLive` are
   * told the topics, without those that were taken back meanwhile
   * @throws PushError `UNAVAILABLE` if they start at an id and the log is not known yet, `LIMIT_EXCEEDED` if too many wait
   */
  subscribe(
    patterns: readonly string[],
    start: Start,
    before?: Announce,
    options: SubscribeOptions = {},
  ): void {
    if (this.state === 'left') return;
    this.assertMayJoin(patterns, start);
    this.pause();
    if (this.isIdle) this.main.sequence = this.log.window.head;
    const { window, epoch } = this.log;
    this.joins.push(new Join(window, this.main.sequence, epoch, { patterns, start, before, options }));
    this.spend(patterns.length);
    this.advance();
  }

  /** Removes topics or patterns. Those that it does not have are ignored. */
  unsubscribe(patterns: readonly string[]): void {
    this.spend(patterns.length);
    const own = patterns.filter((pattern) => this.main.has(pattern) || this.joins.has(pattern));
    if (own.length === 0) return;
    this.pause();
    this.reading?.drop();
    for (const pattern of own) {
      this.joins.delete(pattern);
      const former = this.main.delete(pattern);
      if (former) this.joins.first?.lose(former);
    }
    // Of what has nothing left all is said before it is said that it is taken back.
    for (let join = this.joins.first; join?.leg.size === 0 && this.log.epoch !== ''; join = this.joins.first)
      this.finish(join);
    if (this.main.size === 0) this.log.fanOut.audiences.count(this);
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
    this.reading?.drop();
    this.state = 'left';
    const { topics } = this.main;
    this.main = new Leg(this.log.window, this.main.sequence, 'slow');
    this.joins = new JoinQueue();
    this.log.scheduler.forget(this);
    this.log.fanOut.leave(this, topics);
    this.onLeave(this);
  }

  /** Takes what a round of deliveries brings. */
  receive(batch: Batch): void {
    const own = batch.partFor(this.connection, this.main.sequence);
    this.main.sequence = Math.max(this.main.sequence, batch.last);
    if (own) this.written(this.connection.write(own));
  }

  /** The log is known: what was subscribed to before begins. */
  open(): void {
    const { head } = this.log.window;
    this.main.sequence = head;
    for (const join of this.joins) join.opened(head);
    this.advance();
  }

  /** Another log has taken the place of the one it was reading: it is told, and gets what that one has. */
  reopen(): void {
    const { log } = this;
    const joins = [...this.joins];
    if (joins.some(({ wish }) => wish.options.onLive)) {
      // Its client keeps a position for each of them: it comes back with those, and is told of each what it lost.
      this.end(new PushError('UNAVAILABLE', 'Another log has taken its place. Resume there.'));
      return;
    }
    // Those with a claim may come from the log that there is now.
    const others = joins.filter(({ claim }) => !claim).flatMap(({ leg }) => leg.patterns);
    const topics = new Set([...this.main.patterns, ...others]);
    this.reading?.drop();
    this.state = 'late';
    this.joins = new JoinQueue();
    for (const join of joins) if (join.claim) this.joins.push(join.again(log.window.head, log.epoch));
    this.main = new Leg(log.window, log.window.head, 'slow', this.main.topics);
    for (const pattern of topics) this.main.add(new Subscription(pattern, log.window.head));
    if (topics.size > 0) this.main.notice = 'epoch';
    this.advance();
  }

  /** Stops to be live, with everything that is published by now: the window may not hold it until it comes back. */
  pause(): void {
    if (!this.isLive) return;
    this.fallBack();
    const { events, looked } = this.main.take(this.log.fanOut.undelivered());
    if (looked > 0) this.spend(looked);
    this.write(events);
  }

  /** The node could not follow the log: that something is missing now is not for the reader's slowness. */
  skipped(): void {
    this.main.reason = 'evicted';
    this.advance();
  }

  private assertMayJoin(patterns: readonly string[], start: Start): void {
    const isNamed = start === 'now' || start === 'last' || start === 'earliest';
    if (!isNamed && this.log.epoch === '') {
      const advice = 'Try again when the backplane is there.';
      throw new PushError('UNAVAILABLE', `The log cannot be read yet. ${advice}`);
    }
    // The first topics of a connection wait for nobody: a route of the application may have as many as it likes.
    if (!this.isIdle) this.joins.assertRoom(patterns.length);
  }

  /** Its turn has come: see `Scheduler`. */
  run(): void {
    if (this.connection.together) this.connection.together(() => this.advance());
    else this.advance();
  }

  /** Catches up until it is live, or its socket is full, or others have their turn. */
  advance(): void {
    while (this.mayGoOn()) {
      const join = this.joins.first;
      if (join && !this.main.notice) this.advanceJoin(join);
      else if (this.main.size === 0) return;
      else if (this.read.step(this.main, this.log.window.head)) this.goLive();
    }
  }

  private mayGoOn(): boolean {
    if (this.state !== 'late' || this.full || this.reading?.isWaiting || this.log.epoch === '') return false;
    if (this.isIdle) return false;
    return this.log.scheduler.mayGoOn(this);
  }

  private get read(): LegReader {
    return (this.reading ??= new LegReader(this.log, this));
  }

  /** Charges work to its client. */
  spend(units: number): void {
    this.log.scheduler.spend(this, units);
  }

  private advanceJoin(join: Join): void {
    const { main } = this;
    const { leg } = join;
    if (join.claim) {
      this.read.examine(join, join.claim);
      return;
    }
    if (!join.begun) {
      // One that starts ahead of a slow connection waits for it: between its begin and its end nothing else is delivered.
      if (leg.sequence > main.sequence) this.read.step(main, leg.sequence);
      else join.begin(main, this.log);
      return;
    }
    const cost = join.compare(main, stepUnits);
    if (cost > 0) this.spend(cost);
    else if (this.read.step(leg, main.sequence, { join, main })) this.finish(join);
  }

  private finish(join: Join): void {
    if (!join.begun) join.begin(this.main, this.log);
    this.joins.shift();
    join.end(this.main, this.log);
  }

  private goLive(): void {
    this.reading = undefined;
    this.main.live();
    this.log.fanOut.audiences.count(this);
    this.state = 'live';
    this.since = this.log.fanOut.round;
  }

  /** Ends the connection. */
  end(error: PushError): void {
    this.connection.fail(error);
    this.leave();
  }

  /** Writes those of the events that do not except the connection. */
  write(events: readonly LogEvent[]): void {
    if (events.length === 0) return;
    const own = this.log.window.reads.batchOf(events).partFor(this.connection, 0);
    if (own) this.written(this.connection.write(own));
  }

  /** Something was written: is there room for more? */
  written(hasRoom: boolean): void {
    if (hasRoom) return;
    this.full = true;
    this.reading?.forget();
    if (this.isLive) this.fallBack();
  }

  private fallBack(): void {
    this.state = 'late';
    this.main.sequence = Math.max(this.main.sequence, this.log.fanOut.delivered);
  }
}
