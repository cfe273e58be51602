import { Batch, type LogEvent } from '../contracts/event.js';
import type { TopicSet } from './topic-set.js';

/** Who an audience writes to. */
export interface Member {
  /** In this round of deliveries it came, and with everything that the round brings: the next one is its first. */
  readonly since: number;
  receive(batch: Batch): void;
}

/** Who has an audience, as one of its members or on the way to it. */
export interface Reader extends Member {
  audience: Audience | undefined;
}

/**
 * The connections that want the same topics, and so the same bytes. Only those that have everything up to now are
 * members; the others catch up on their own and come back.
 */
export class Audience {
  readonly members = new Set<Member>();
  /** Cursors with these topics, members or not: an audience without any is dropped. */
  size = 0;
  private selection: Selection | undefined;

  constructor(readonly topics: TopicSet) {}

  /**
   * Takes an event for the next delivery.
   *
   * @param none where the selections of this delivery begin
   * @returns whether it is the first event
   */
  select(event: LogEvent, none: Selection): boolean {
    const selection = this.selection ?? none;
    // Overlapping patterns name an audience more than once for the same event, always in a row.
    if (selection.event === event) return false;
    this.selection = selection.with(event);
    return selection === none;
  }

  /** What was selected since the last time. */
  take(): Batch {
    const { batch } = this.selection!;
    this.selection = undefined;
    return batch;
  }
}

/** Events that some audiences want. Audiences that want the same ones end at the same selection, and share its bytes. */
export class Selection {
  private next: Selection | undefined;
  private made: Batch | undefined;

  constructor(
    readonly event?: LogEvent,
    readonly before?: Selection,
  ) {}

  /** This selection and one event more. */
  with(event: LogEvent): Selection {
    if (this.next?.event !== event) this.next = new Selection(event, this);
    return this.next;
  }

  get batch(): Batch {
    return (this.made ??= new Batch(this.before?.event ? eventsOf(this) : [this.event!]));
  }
}

function eventsOf(selection: Selection): LogEvent[] {
  const events: LogEvent[] = [];
  for (let at: Selection | undefined = selection; at?.event; at = at.before) events.push(at.event);
  return events.reverse();
}
