import type { Connection, WorkBudget } from '../../contracts/connection.js';
import { PushError } from '../../contracts/errors.js';
import type { Batch, LogEvent } from '../../contracts/event.js';
import type { Member } from '../fan-out/subscribers.js';
import type { Task } from '../scheduler.js';
import { CatchUpQueue } from './catch-up-queue.js';
import { CatchUp, type PositionListener, type SubscribeOptions } from './catch-up.js';
import type { NodeLog } from './node-log.js';
import { CursorEnds } from './cursor-ends.js';
import { CursorSnapshots } from './cursor-snapshots.js';
import { positionOf, sequenceOf } from './position-of.js';
import { trackInAnotherLog } from './track-in-another-log.js';
import { takeUndelivered } from './take-undelivered.js';
import { Track } from './track.js';
import { TrackReader, type Recipient } from './track-reader.js';
import type { Start } from '../../protocol/topics.js';

/**
 * Where a connection is in the log. While it is live, the fan-out brings it new events. Otherwise it reads the window or
 * the backplane, as fast as its socket takes what it gets, and whenever the scheduler gives it a turn. Nothing is queued
 * for it: what it has not got yet is in the log, after its position.
 */
export class Cursor implements Member, Task, Recipient {
  joinedRound = 0;
  selected: Member['selected'];
  counted: string | undefined;
  /** The topics that have caught up. */
  main: Track;
  /** Topics that have to reach `main` first, one catch-up after the other. */
  catchUps = new CatchUpQueue();
  private state: 'live' | 'reading' | 'left' = 'reading';
  isFull = false;
  private reader: TrackReader | undefined;
  private ownSnapshots: CursorSnapshots | undefined;
  /** Its topics that end; `undefined` where none does, or the connection does not want to know. */
  private readonly ends: CursorEnds | undefined;

  /** @param onLeave is told when it leaves */
  constructor(
    private readonly log: NodeLog,
    readonly connection: Connection,
    private readonly onLeave: (cursor: Cursor) => void,
  ) {
    const { window, fanOut, rules } = log;
    this.ends = rules.hasEnds && connection.ended ? new CursorEnds(log, this) : undefined;
    this.main = new Track(window, window.head, 'slow', fanOut.interestOf(this));
  }

  get budget(): WorkBudget | undefined {
    return this.connection.budget;
  }

  /** The id up to which the connection has everything: see `positionOf`. */
  get position(): string | undefined {
    return positionOf(this, this.log);
  }

  /** How far it has read. */
  get sequence(): number {
    return sequenceOf(this, this.log);
  }

  /** Its topics and patterns, in the order in which they came. */
  get topics(): readonly string[] {
    return [...new Set([...this.main.patterns, ...this.catchUps.patterns])];
  }

  get audience(): string | undefined {
    return this.main.size > 0 ? this.main.topics.key : undefined;
  }

  /** Whether it has everything there is. */
  get isLive(): boolean {
    return this.state === 'live';
  }

  get isIdle(): boolean {
    return this.main.size === 0 && this.catchUps.size === 0;
  }

  /**
   * Adds topics or patterns, from `start` on. What the connection has got already is not delivered again, unless
   * `options.repeat` says so. `now` is where the connection is: the end of the log unless it is slow.
   *
   * @param onStart is called with the id of where they start, before anything of them is delivered
   * @throws PushError `UNAVAILABLE` if they start at an id and the log is not known yet, `LIMIT_EXCEEDED` if too many wait,
   * `INVALID_TOPIC` if snapshots are wanted of one that has no loader
   */
  subscribe(
    patterns: readonly string[],
    start: Start,
    onStart?: PositionListener,
    options: SubscribeOptions = {},
  ): void {
    if (this.state === 'left') return;
    this.log.assertStart(start);
    if (start === 'snapshot' || options.snapshot) this.log.assertSnapshots(patterns);
    // The first topics of a connection wait for no others: an application's route may have as many as it likes.
    if (!this.isIdle) this.catchUps.assertRoom(patterns.length);
    this.change(() => {
      this.moveIfAtRest();
      const { window, epoch } = this.log;
      this.enter(new CatchUp(window, this.main, epoch, { patterns, start, onStart, options }));
    });
  }

  /** Removes topics or patterns. Those that it does not have are ignored. */
  unsubscribe(patterns: readonly string[]): void {
    this.spend(patterns.length);
    const own = patterns.filter((pattern) => this.main.has(pattern) || this.catchUps.has(pattern));
    if (own.length > 0) this.change(() => this.remove(own));
  }

  /** Stops reading for `change`, and reads on. */
  change(change: () => void): void {
    this.pause();
    change();
    this.advance();
  }

  /** Removes topics or patterns, while nothing is read. @param isAll also where they were asked for again */
  remove(patterns: readonly string[], isAll = true): void {
    this.reader?.drop();
    for (const pattern of patterns) {
      if (isAll) this.catchUps.delete(pattern);
      const removed = this.main.delete(pattern);
      if (removed) this.catchUps.first?.mainLost(removed);
    }
    this.ends?.left(patterns);
    this.catchUps.settle();
    // A catch-up without topics ends at once: its listeners are called before the removal is confirmed.
    while (this.catchUps.first?.track.size === 0 && this.log.epoch !== '') this.finish(this.catchUps.first);
    if (this.main.size === 0) this.log.fanOut.audiences.count(this);
  }

  /** The connection has room again. */
  drained(): void {
    this.isFull = false;
    this.advance();
    this.ownSnapshots?.next();
  }

  /** The connection is gone; nothing of it stays. Idempotent. */
  leave(): void {
    if (this.state === 'left') return;
    this.reader?.drop();
    this.ownSnapshots?.stop();
    this.ends?.stop();
    this.state = 'left';
    const { topics } = this.main;
    this.main = new Track(this.log.window, this.main.sequence, 'slow');
    this.catchUps = new CatchUpQueue();
    this.log.scheduler.forget(this);
    this.log.fanOut.leave(this, topics);
    this.onLeave(this);
  }

  /** Takes what a round of deliveries brings. */
  receive(batch: Batch): void {
    const { sequence } = this.main;
    this.main.sequence = Math.max(sequence, batch.last);
    this.pass(batch, sequence, true);
  }

  /** The log was opened for the first time: what was subscribed to before begins. */
  open(): void {
    const { head } = this.log.window;
    this.main.sequence = head;
    for (const catchUp of this.catchUps) catchUp.opened(head);
    this.ownSnapshots?.next();
    this.advance();
  }

  /** Another log has taken the place of the one that it was reading: the client is told, and gets what that one has. */
  reopen(): void {
    const { window, epoch } = this.log;
    const catchUps = [...this.catchUps];
    if (catchUps.some(({ keepsPosition }) => keepsPosition)) {
      // Its client keeps a position for each of them: it comes back with those, and is told what each has lost.
      return this.end(new PushError('UNAVAILABLE', 'Another log has taken its place. Resume there.'));
    }
    this.reader?.drop();
    this.ownSnapshots?.stop();
    this.state = 'reading';
    this.main = trackInAnotherLog(window, this.main, catchUps);
    this.catchUps = new CatchUpQueue();
    // A position that is not verified may be one of the new log, and a snapshot is loaded again.
    for (const each of catchUps) if (each.isUnbegun) this.enter(each.restarted(this.main, epoch));
    this.ends?.joined(this.main.patterns);
    this.advance();
  }

  /** Stops being live, and writes what is published by now: the window may not have it later. */
  pause(): void {
    if (!this.isLive) return;
    this.stopBeingLive();
    const { events, cost } = takeUndelivered(this.main, this.log.fanOut.undelivered());
    if (cost > 0) this.spend(cost);
    this.write(events);
  }

  /** The node could not follow the log: if events are missing now, the reader is not to blame. */
  skipped(): void {
    this.main.reason = 'evicted';
    this.advance();
  }

  /** Without topics that have begun, it moves to the end of the log. */
  moveIfAtRest(): void {
    if (this.main.size === 0 && !this.catchUps.first) this.main.sequence = this.log.window.head;
  }

  private enter(catchUp: CatchUp): void {
    this.spend(catchUp.request.patterns.length);
    this.catchUps.push(catchUp);
    if (catchUp.isLoading) this.snapshots.next();
  }

  get snapshots(): CursorSnapshots {
    return (this.ownSnapshots ??= new CursorSnapshots(this.log, this));
  }

  /** Its turn has come: see `Scheduler`. */
  run(): void {
    if (this.connection.together) this.connection.together(() => this.advance());
    else this.advance();
  }

  /** Reads on until it is live, or its socket is full, or it is the turn of others. */
  advance(): void {
    while (this.mayRead()) {
      const catchUp = this.catchUps.first;
      if (catchUp && !this.main.startGap) {
        if (this.ownReader.advance(catchUp, this.main)) this.finish(catchUp);
      } else if (this.main.size === 0) return;
      else if (this.ownReader.step(this.main, this.log.window.head)) this.goLive();
    }
  }

  private mayRead(): boolean {
    const { log, state, isFull, reader } = this;
    if (state !== 'reading' || isFull || reader?.isWaiting || log.epoch === '' || this.isIdle) return false;
    return log.scheduler.mayRun(this);
  }

  private get ownReader(): TrackReader {
    return (this.reader ??= new TrackReader(this.log, this));
  }

  spend(units: number): void {
    this.log.scheduler.spend(this, units);
  }

  private finish(catchUp: CatchUp): void {
    if (!catchUp.hasBegun) this.ownReader.begin(catchUp);
    this.catchUps.shift();
    catchUp.end(this.log);
    this.ends?.joined(catchUp.track.patterns);
  }

  private goLive(): void {
    this.reader = undefined;
    this.main.wentLive();
    this.log.fanOut.audiences.count(this);
    this.state = 'live';
    this.joinedRound = this.log.fanOut.round;
  }

  /** Ends the connection. */
  end(error: PushError): void {
    this.connection.fail(error);
    this.leave();
  }

  /** Writes those of the events that do not except the connection. */
  write(events: readonly LogEvent[]): void {
    if (events.length === 0) return;
    this.pass(this.log.window.reads.batchOf(events), 0, false);
  }

  /** Writes what is after `sequence` of a batch and does not except the connection. @param isOfRound a round has brought it */
  private pass(batch: Batch, sequence: number, isOfRound: boolean): void {
    const own = batch.partFor(this.connection, sequence);
    if (own) this.written(this.connection.write(own, isOfRound && own === batch));
    this.ends?.took(batch, own, sequence);
  }

  /** Something was written. `hasRoom` says whether there is room for more. */
  written(hasRoom: boolean): void {
    if (hasRoom) return;
    this.isFull = true;
    this.reader?.forget();
    if (this.isLive) this.stopBeingLive();
  }

  private stopBeingLive(): void {
    this.state = 'reading';
    this.main.sequence = Math.max(this.main.sequence, this.log.fanOut.delivered);
  }
}
