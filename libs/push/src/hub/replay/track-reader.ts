import type { HistoryPage } from '../../contracts/backplane.js';
import type { Connection, GapNotice } from '../../contracts/connection.js';
import { PushError } from '../../contracts/errors.js';
import type { Batch, LogEvent } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import type { CatchUp } from './catch-up.js';
import type { NodeLog } from './node-log.js';
import { PendingRead } from './pending-read.js';
import { bringSnapshots } from './bring-snapshots.js';
import { mostLoaded, type CursorSnapshots } from './cursor-snapshots.js';
import { SnapshotLoad } from './snapshot-load.js';
import type { Loss, Subscription } from './subscription.js';
import type { Track } from './track.js';
import { resumptionOf } from './resumption-of.js';
import { withoutId } from './without-id.js';
import { newestForm } from './end-events.js';
import { mismatchOf } from './unverified-positions.js';

/** What is done in one step, in units of work. */
const stepUnits = 512;

/** What it costs to ask the backplane, in units of work. */
const pageUnits = 256;

/** The cursor that is read for. */
export interface Recipient {
  readonly connection: Connection;
  readonly snapshots: Pick<CursorSnapshots, 'refreshes' | 'began' | 'lose'>;
  /** The answer that it waited for is there. */
  advance(): void;
  /** Charges work to its client. */
  spend(units: number): void;
  write(events: readonly LogEvent[]): void;
  /** Something was written. `hasRoom` says whether there is room for more. */
  written(hasRoom: boolean): void;
  end(error: PushError): void;
}

/** Reads the tracks of a connection, in steps of bounded work, each of which is charged. */
export class TrackReader {
  private readonly pending: PendingRead;

  constructor(
    private readonly log: NodeLog,
    private readonly recipient: Recipient,
  ) {
    const { connection } = recipient;
    this.pending = new PendingRead(connection.budget ?? connection, () => recipient.advance());
  }

  /** Whether the backplane was asked, and has not answered. */
  get isWaiting(): boolean {
    return this.pending.isWaiting;
  }

  /** Drops an answer that could not be used at once: later it would be out of date. */
  forget(): void {
    this.pending.forget();
  }

  /** Cancels what the backplane was asked. */
  drop(): void {
    this.pending.drop();
  }

  /** Finds out whether the log has the position that a catch-up resumes from, and waits until this node is there. */
  private verify(catchUp: CatchUp, position: Position): void {
    const { unverified, epoch, window } = this.log;
    const mismatch = mismatchOf(position, { epoch, sequence: window.head });
    if (!mismatch || !unverified) {
      catchUp.settle(mismatch);
      return;
    }
    this.pending.verify(unverified, position, (found) => catchUp.settle(found));
  }

  /**
   * Takes `track` one step further. It finds out what was lost, then reports that, then reads what is there.
   *
   * @param catchUp the one that the track belongs to: what the connection has got already is not delivered again
   * @returns whether the track has reached `through`
   */
  step(track: Track, through: number, catchUp?: CatchUp): boolean {
    if (track.state) {
      if (this.step(track.state, track.sequence)) track.state = undefined;
      return false;
    }
    if (track.awaited) {
      this.refresh(track, track.awaited);
      return false;
    }
    const isThere = track.sequence >= through && !track.startGap;
    if (isThere && !(catchUp && track.acceptsLoss)) return true;
    this.recipient.spend(track.cost + track.check(through, stepUnits));
    if (isThere || !track.isChecked) return isThere && track.isChecked;
    const query = track.missing(through);
    const page = query && this.pending.page(this.log.history!, track, query);
    if (query) this.recipient.spend(query.topics.length + (page ? 0 : pageUnits));
    if (query && !page) return false;
    const unreported = track.unreported(page);
    if (unreported.length > 0) this.report(track, through, unreported, page);
    else this.read(track, through, page, catchUp);
    return false;
  }

  private read(
    track: Track,
    through: number,
    page: HistoryPage | undefined,
    catchUp: CatchUp | undefined,
  ): void {
    const newsCost = catchUp?.newsCost ?? 0;
    const { isHidden } = track;
    // An entry is looked at, and if it is wanted it is written.
    const result = track.read(track.next(through), page, { entries: Math.ceil(stepUnits / (2 + newsCost)) });
    this.recipient.spend(result.cost + newsCost * result.events.length);
    track.sequence = result.through;
    const events = catchUp ? catchUp.news(result.events) : result.events;
    const wanted = track.newest === undefined ? events : events.map(newestForm);
    this.recipient.write(track.hidesIds || isHidden ? wanted.map(withoutId) : wanted);
  }

  /** Some events are lost: does what the policies of their topics say. */
  private report(
    track: Track,
    through: number,
    losses: readonly Loss[],
    page: HistoryPage | undefined,
  ): void {
    if (this.beginRefresh(track, losses)) return;
    const { rules } = this.log;
    const state = losses.filter(({ subscription }) => rules.state?.among(subscription.pattern) === 'all');
    if (state.length > 0) {
      this.reset(track, state);
      return;
    }
    const reason = track.startGap ?? track.reason;
    const topics = losses.map(({ subscription }) => subscription.pattern);
    const policies = topics.map((pattern) =>
      reason === 'slow' ? this.log.rules.slowPolicyOf(pattern) : 'gap',
    );
    if (policies.includes('disconnect')) {
      const message = `Too slow: events of ${topics.join(', ')} are gone that were not read yet. Load the state again, then reconnect.`;
      this.recipient.end(new PushError('TOO_SLOW', message));
      return;
    }
    this.recipient.spend(track.report(losses, through, page, stepUnits).cost);
    const { head } = this.log.window;
    losses.forEach(({ subscription }, index) => policies[index] === 'latest' && subscription.conflate(head));
    this.notify({ reason, topics, id: resumptionOf(track, this.log) });
  }

  /**
   * Removals of state topics are lost, or the client comes from another log: it has to forget the state that it has, and gets
   * all of it. As long as it has not got all, its position is the one that it had: cut off, it begins again.
   */
  private reset(track: Track, losses: readonly Loss[]): void {
    const reason = track.startGap ?? track.reason;
    const topics = losses.map(({ subscription }) => subscription.pattern);
    track.reset(losses);
    this.notify({ reason, topics, id: resumptionOf(track, this.log), reset: true });
  }

  /** Takes a catch-up one step further. Returns whether it has reached `main`. */
  advance(catchUp: CatchUp, main: Track): boolean {
    const { track, unverified, earliest } = catchUp;
    if (unverified) this.verify(catchUp, unverified);
    else if (!catchUp.hasBegun) {
      // If it starts after a slow connection, that has to come there first: until it has caught up, nothing else is delivered.
      if (earliest > main.sequence) this.step(main, earliest);
      else this.begin(catchUp);
    } else {
      const cost = catchUp.compare(stepUnits);
      if (cost === 0) return this.step(track, main.sequence, catchUp);
      this.recipient.spend(cost);
    }
    return false;
  }

  /** Begins a catch-up, by its snapshots if it has any. */
  begin(catchUp: CatchUp): void {
    const { load } = catchUp;
    const batches = bringSnapshots(catchUp.track, load?.snapshots ?? [], true);
    catchUp.begin(this.log);
    if (!load) return;
    catchUp.load = undefined;
    this.bring(batches);
    this.recipient.snapshots.began(catchUp);
  }

  /**
   * Tells the client of a gap of topics whose snapshots are then loaded once more. Until they are there its position is the one
   * that it had: cut off, it is told again. Returns `false` if there are none, or it is too early.
   */
  private beginRefresh(track: Track, losses: readonly Loss[]): boolean {
    const reason = track.startGap ?? track.reason;
    const { rules } = this.log;
    const lost = losses.map(({ subscription }) => subscription);
    const due = lost.filter(
      ({ hasSnapshots, pattern }) =>
        hasSnapshots && (reason !== 'slow' || rules.slowPolicyOf(pattern) !== 'disconnect'),
    );
    const topics = due.map(({ pattern }) => pattern);
    if (due.length === 0 || !this.recipient.snapshots.refreshes.take(topics)) return false;
    const id = resumptionOf(track, this.log);
    track.await(due);
    this.notify({ reason, topics, id, snapshot: true });
    return true;
  }

  /** Loads the snapshots that a track waits for, a few at a time. The connection does not move meanwhile. */
  private refresh(track: Track, awaited: Iterable<Subscription>): void {
    const { load } = track;
    if (!load?.isDone) {
      const { connection } = this.recipient;
      const { snapshots, window } = this.log;
      const topics = [...awaited].slice(0, mostLoaded).map(({ pattern }) => pattern);
      track.load = this.pending.snapshots(
        (done) => new SnapshotLoad(snapshots!, connection, topics, window.head, done),
      );
      return;
    }
    const { topics } = load;
    track.loaded(topics);
    if (load.error) this.recipient.snapshots.lose(topics, load.error);
    else this.bring(bringSnapshots(track, load.snapshots, false));
  }

  private bring(snapshots: readonly Batch[]): void {
    this.recipient.spend(snapshots.length);
    for (const each of snapshots) this.recipient.written(this.recipient.connection.write(each));
  }

  private notify(notice: GapNotice): void {
    this.log.counts.gap(notice.reason);
    this.recipient.written(this.recipient.connection.gap(notice));
  }
}
