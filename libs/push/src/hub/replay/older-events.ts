import type { HistoryPage } from '../../contracts/backplane.js';
import type { GapReason, WorkBudget } from '../../contracts/connection.js';
import { PushError } from '../../contracts/errors.js';
import type { LogEvent } from '../../contracts/event.js';
import { parsePosition } from '../../contracts/position.js';
import { endOf } from '../../contracts/end.js';
import { isRemoval } from '../../contracts/state.js';
import { encodingCost } from '../window/entry-reader.js';
import type { Task } from '../scheduler.js';
import type { PageQuery } from './history-reader.js';
import type { NodeLog } from './node-log.js';
import { OlderChunk } from './older-chunk.js';
import { PendingAnswer } from './pending-answer.js';
import type { WorkOptions } from './stepped-work.js';
import { mismatchOf } from './unverified-positions.js';

/** How many bytes of data one answer may have. One event always fits. */
const mostBytes = 256 * 1024;

/** How long the backplane may take for a page, in milliseconds. */
const patience = 10_000;

/** What it costs to ask the backplane, in units of work: as for other readers. */
const pageUnits = 256;

/** What it costs to make an event a part of an answer, which no other client shares, in units of work. */
export function answerCost(event: LogEvent): number {
  return 8 + encodingCost(event);
}

/** Asked for one event alone, a backplane leaves out a topic whose newest event is after the place where it is to look. */
const fewest = 2;

/** What is asked: the newest events of a topic, or those before a position. */
export interface OlderQuery extends WorkOptions {
  readonly topic: string;
  /** An id. Default: the end of the log. */
  readonly before?: string;
  /** The most events of the answer. */
  readonly limit: number;
  /** Whether an end is among them that is no event of its own. Default: `false`. */
  readonly withEnds?: boolean;
}

/** Events of one topic, oldest first. */
export interface OlderPage {
  readonly events: readonly LogEvent[];
  /** The id to ask with for the events before these. `undefined` if there are none. */
  readonly before?: string;
  /** Why events before these are missing, if there are none and some are gone. */
  readonly gap?: GapReason;
}

/** Reads one page backwards: from the window, and from the backplane what the window has lost. Each step is charged; making the answer is work of its own. */
export class OlderEvents implements Task {
  readonly budget: WorkBudget | undefined;
  private readonly answer: PendingAnswer<OlderPage>;
  /** Newest first: one more than is asked for, if there is one. */
  private readonly found: LogEvent[] = [];
  private bytes = 0;
  /** Everything after this sequence, up to where it began, is found. */
  private through = 0;
  private chunk: OlderChunk | undefined;
  private readsBeginning = false;
  private arrived: HistoryPage | undefined;
  private cancel: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: NodeLog,
    private readonly query: OlderQuery,
  ) {
    this.budget = query.budget;
    this.answer = new PendingAnswer(log.answers, () => this.end(), query.signal);
    if (!this.answer.isDone) this.run(() => this.begin());
  }

  get result(): Promise<OlderPage> {
    return this.answer.result;
  }

  /** Its turn has come: see `Scheduler`. */
  readonly run = (step: () => void = () => this.advance()): void => {
    try {
      step();
    } catch (error) {
      this.answer.fail(error);
    }
  };

  private begin(): void {
    const { log, query } = this;
    if (log.isClosed) throw new PushError('CLOSED', 'The application is shutting down.');
    if (log.epoch === '')
      throw new PushError(
        'UNAVAILABLE',
        'The log cannot be read yet. Try again when the backplane is there.',
      );
    if (query.before === undefined) {
      this.beginAt(log.window.head);
      return;
    }
    const position = parsePosition(query.before);
    if (!position) {
      this.finish('malformed');
      return;
    }
    const mismatch = mismatchOf(position, { epoch: log.epoch, sequence: log.window.head });
    if (!mismatch) this.beginAt(position.sequence - 1);
    else if (!log.unverified) this.finish(mismatch);
    else {
      // A client may bring an id from a node that is ahead of this one.
      this.wait(
        log.unverified.verify(position, (found) =>
          this.resume(() => (found ? this.finish(found) : this.beginAt(position.sequence - 1))),
        ),
      );
    }
  }

  private beginAt(through: number): void {
    this.through = through;
    this.advance();
  }

  private advance(): void {
    while (!this.answer.isDone && !this.cancel && this.log.scheduler.mayRun(this)) this.step();
  }

  private step(): void {
    const { log } = this;
    if (this.through < 1) this.finish();
    else if (this.readsBeginning) this.readBeginning();
    else if (this.chunk) this.readChunk(this.chunk);
    else {
      const lost = log.window.lostThrough(this.query.topic);
      const isElsewhere = log.history !== undefined && lost > 0 && lost <= log.window.recoverable;
      // After its newest loss, the window has everything.
      this.readWindow(isElsewhere ? lost : 0);
      if (this.isFull || this.through < 1) this.finish();
      else if (isElsewhere) this.next(Math.min(this.through, lost));
      else this.finish(lost > 0 ? 'evicted' : undefined);
    }
  }

  private readWindow(after: number): void {
    const entries = this.log.window.historyOf(this.query.topic)?.entries;
    let index = entries?.after(this.through) ?? 0;
    while (index > 0 && !this.isFull) {
      const entry = entries!.at(--index)!;
      if (entry.sequence <= after) break;
      this.take(entry);
      // Before a removal there is nothing, whatever the backplane still has.
      if (isRemoval(entry)) this.through = 0;
    }
  }

  /** Asks the backplane for events up to `through`. */
  private next(through: number): void {
    this.through = through;
    const wanted = Math.min(this.query.limit + 1 - this.found.length, this.log.history!.usualEvents);
    this.chunk = new OlderChunk(this.query.topic, through, Math.max(fewest, wanted), mostBytes);
  }

  private readChunk(chunk: OlderChunk): void {
    const page = this.page(chunk.query);
    if (!page) return;
    const cost = chunk.add(page);
    this.log.scheduler.spend(this, cost);
    if (!chunk.isComplete) return;
    for (const event of [...chunk.events].reverse()) if (!this.isFull) this.take(event);
    this.chunk = undefined;
    if (this.isFull) this.finish();
    else if (chunk.hasAll) this.readsBeginning = true;
    else this.next(chunk.events[0]!.sequence - 1);
  }

  /** All that is retained was found: was there more? */
  private readBeginning(): void {
    const { topic } = this.query;
    const page = this.page({ topics: [topic], after: 0, through: this.through });
    if (page) this.finish(page.lost.has(topic) ? 'evicted' : undefined);
  }

  /** A page that somebody has read lately, or that has just come; else it is asked for. */
  private page(asked: PageQuery): HistoryPage | undefined {
    const { arrived } = this;
    const history = this.log.history!;
    const query = { ...asked, dropped: this.log.window.droppedRemoval };
    const page = arrived ?? history.find(query);
    this.arrived = undefined;
    if (page) return page;
    this.log.scheduler.spend(this, pageUnits);
    this.wait(
      history.read(query, this.budget ?? this, (read) => {
        this.resume(() => {
          this.arrived = read;
          this.advance();
        });
      }),
    );
    return undefined;
  }

  private wait(cancel: () => void): void {
    this.cancel = cancel;
    const late = () =>
      this.answer.fail(new PushError('UNAVAILABLE', 'The backplane did not answer. Try again later.'));
    this.timer = setTimeout(late, patience).unref();
  }

  private resume(then: () => void): void {
    if (this.answer.isDone) return;
    clearTimeout(this.timer);
    this.cancel = undefined;
    this.run(then);
  }

  private get isFull(): boolean {
    return this.found.length > this.query.limit || this.bytes >= mostBytes;
  }

  private take(event: LogEvent): void {
    this.through = event.sequence - 1;
    this.log.scheduler.spend(this, 1);
    // What was taken away is not there to be shown, and neither is an end that brings nothing new.
    if (isRemoval(event) || (!this.query.withEnds && (endOf(event)?.data ?? 'event') !== 'event')) return;
    this.found.push(event);
    this.bytes += event.data.length;
  }

  /** @param gap why there is nothing before */
  private finish(gap?: GapReason): void {
    const { found, query, isFull } = this;
    const events = found.slice(0, query.limit).reverse();
    const before = isFull ? events[0]!.id : undefined;
    this.answer.resolve({ events, ...(before && { before }), ...(gap && { gap }) });
  }

  private end(): void {
    this.cancel?.();
    this.cancel = undefined;
    clearTimeout(this.timer);
    this.log.scheduler.forget(this);
  }
}
