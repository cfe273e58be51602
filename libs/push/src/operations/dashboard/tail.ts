import { randomUUID } from 'node:crypto';
import type { Connection } from '../../contracts/connection.js';
import type { Batch, LogEvent } from '../../contracts/event.js';
import type { Hub } from '../../hub/hub.js';
import type { Cursor } from '../../hub/replay/cursor.js';
import { shownData } from './fitting.js';

/** How long events are gathered, in milliseconds. */
const interval = 250;

/** How many are shown of those, the newest: 48 in a second. */
const mostEvents = 12;

interface TailEvent {
  readonly id: string | null;
  readonly topic: string;
  readonly type: string | null;
  readonly data: string;
  readonly cut: boolean;
}

/** What came in the last quarter of a second. */
export interface TailReport {
  readonly pattern: string;
  readonly events: readonly TailEvent[];
  /** How many came before these. */
  readonly skipped: number;
}

/** The events of a pattern as they come: the newest of each quarter of a second, and how many there were before those. */
export class Tail {
  private events: LogEvent[] = [];
  private skipped = 0;
  private readonly cursor: Cursor;
  private readonly timer: NodeJS.Timeout;

  /** @param report is called while there are events */
  constructor(
    hub: Hub,
    readonly pattern: string,
    private readonly report: (report: TailReport) => void,
  ) {
    this.cursor = hub.join(this.reader());
    this.cursor.subscribe([pattern], 'now');
    this.timer = setInterval(() => this.flush(), interval).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.cursor.leave();
  }

  private reader(): Connection {
    return {
      id: randomUUID(),
      isInternal: true,
      write: (batch) => {
        this.take(batch);
        return true;
      },
      gap: () => true,
      fail: () => clearInterval(this.timer),
    };
  }

  private take({ events }: Batch): void {
    this.events.push(...events.slice(-mostEvents));
    this.skipped += Math.max(0, events.length - mostEvents);
    const over = Math.max(0, this.events.length - mostEvents);
    this.events.splice(0, over);
    this.skipped += over;
  }

  private flush(): void {
    const { pattern, events, skipped } = this;
    if (events.length === 0) return;
    this.events = [];
    this.skipped = 0;
    this.report({ pattern, events: events.map(shown), skipped });
  }
}

function shown({ id, topic, type, data }: LogEvent): TailEvent {
  return { id: id ?? null, topic, type: type ?? null, ...shownData(data) };
}
