import { isEnd } from '../../contracts/end.js';
import type { Connection } from '../../contracts/connection.js';
import { Batch, type LogEvent } from '../../contracts/event.js';
import { isWildcard } from '../../contracts/topic.js';
import type { Task } from '../scheduler.js';
import type { CatchUpQueue } from './catch-up-queue.js';
import { bareEnd } from './end-events.js';
import type { NodeLog } from './node-log.js';
import { OlderEvents } from './older-events.js';
import type { Track } from './track.js';

/** What it costs to find out about one topic, or to end it, in units of work. */
const unitsPerTopic = 64;

/** After so many milliseconds the backplane is asked again, if it could not answer. */
const patience = 1_000;

/** The cursor whose topics end. */
export interface EndingCursor {
  readonly connection: Connection;
  readonly main: Track;
  readonly isIdle: boolean;
  readonly catchUps: Pick<CatchUpQueue, 'has'>;
  /** Whether the fan-out brings what it has not got. */
  readonly isLive: boolean;
  /** Stops reading for `change`, and reads on. */
  change(change: () => void): void;
  /** Removes topics, while nothing is read. @param isAll also where they are waited for */
  remove(topics: readonly string[], isAll: boolean): void;
  written(hasRoom: boolean): void;
}

/**
 * Which topics of a connection have ended: it tells the connection, once for each, when that has been given everything of the
 * topic. It knows by the ends that are written. Of a topic that the connection joins after its end, it finds that out. Most
 * cursors have none. It is no work that the client asks for, and has a turn of its own: only what is read is charged.
 */
export class CursorEnds implements Task {
  /** Topics whose end was written. */
  private readonly told = new Set<string>();
  /** Topics that the connection has joined, of which it is not known yet whether they have ended. */
  private readonly unknown = new Set<string>();
  /** What the backplane is asked about. */
  private readonly asked = new Map<string, AbortController>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: NodeLog,
    private readonly cursor: EndingCursor,
  ) {}

  /**
   * Notes events that have come to the connection, those after `sequence` of a batch.
   *
   * @param own what was written of them: not the ones that except the connection
   */
  took({ events, hasEnds }: Batch, own: Batch | undefined, sequence: number): void {
    if (!hasEnds && this.told.size === 0) return;
    for (const event of events) {
      const { topic } = event;
      if (event.sequence > 0 && event.sequence <= sequence) continue;
      if (!isEnd(event)) this.told.delete(topic);
      else if (!this.told.has(topic) && this.reads(topic)) {
        this.told.add(topic);
        if (!own?.events.includes(event)) this.write(event);
      }
    }
    if (this.told.size > 0) this.log.scheduler.add(this);
  }

  /** The connection has caught up with these topics, and reads them live. */
  joined(topics: readonly string[]): void {
    for (const topic of topics)
      if (!isWildcard(topic) && this.log.rules.of(topic).ends) this.unknown.add(topic);
    if (this.unknown.size > 0 || this.told.size > 0) this.log.scheduler.add(this);
  }

  /** The connection has left topics. */
  left(topics: readonly string[]): void {
    for (const topic of topics) {
      this.told.delete(topic);
      this.unknown.delete(topic);
      this.asked.get(topic)?.abort();
      this.asked.delete(topic);
    }
  }

  /** The connection is gone. */
  stop(): void {
    clearTimeout(this.timer);
    for (const asked of this.asked.values()) asked.abort();
    this.asked.clear();
    this.log.scheduler.forget(this);
  }

  /** Its turn has come: see `Scheduler`. */
  run(): void {
    for (const topic of this.unknown) {
      if (!this.log.scheduler.mayRun(this)) return;
      this.log.scheduler.spend(this, unitsPerTopic);
      this.unknown.delete(topic);
      this.find(topic);
    }
    this.finish();
  }

  private finish(): void {
    const over = [...this.told].filter((topic) => this.cursor.main.has(topic));
    if (over.length === 0) return;
    this.log.scheduler.spend(this, over.length * unitsPerTopic);
    const { cursor } = this;
    // What the client has asked for once more goes on, and comes to its end by itself.
    cursor.change(() => cursor.remove(over, false));
    cursor.connection.ended!(over, cursor.isIdle);
  }

  private find(topic: string): void {
    if (this.told.has(topic) || this.asked.has(topic)) return;
    const history = this.log.window.historyOf(topic);
    if (history?.end) this.found(history.end);
    // Of a topic with events the window knows the newest.
    else if (this.log.history && !history?.entries.length) this.ask(topic);
  }

  private ask(topic: string): void {
    const asked = new AbortController();
    this.asked.set(topic, asked);
    const { budget } = this.cursor.connection;
    const query = { topic, limit: 1, withEnds: true, budget, signal: asked.signal };
    new OlderEvents(this.log, query).result.then(
      ({ events: [newest] }) => this.answered(topic, newest),
      () => this.askLater(topic, asked),
    );
  }

  private answered(topic: string, newest: LogEvent | undefined): void {
    if (!this.asked.delete(topic)) return;
    if (newest && isEnd(newest)) this.found(newest);
    this.finish();
  }

  /** The backplane is away, which others report. */
  private askLater(topic: string, { signal }: AbortController): void {
    this.asked.delete(topic);
    if (signal.aborted || this.log.isClosed) return;
    this.unknown.add(topic);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.log.scheduler.add(this), patience).unref();
  }

  private found(end: LogEvent): void {
    const { topic, sequence } = end;
    const { main, isLive } = this.cursor;
    const reached = isLive ? Math.max(main.sequence, this.log.fanOut.delivered) : main.sequence;
    // One that the connection has not come to will be written as the event that it is.
    if (this.told.has(topic) || sequence > reached || !main.has(topic)) return;
    this.told.add(topic);
    this.write(end);
  }

  /** Whether the connection reads a topic by its name. */
  private reads(topic: string): boolean {
    return this.cursor.main.has(topic) || this.cursor.catchUps.has(topic);
  }

  /** Tells the connection of an end that it does not get as an event. */
  private write(end: LogEvent): void {
    this.cursor.written(this.cursor.connection.write(new Batch([bareEnd(end)])));
  }
}
