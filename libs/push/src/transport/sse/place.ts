import type { StreamClient } from '../../bus/stream-reader.js';
import type { StreamOptions } from '../../bus/event-stream.js';
import type { WorkBudget } from '../../contracts/connection.js';
import type { Start } from '../../hub/replay/cursor.js';

/** Where the client of a route is in the log, while events reach it through the application's own pipe. */
export class Place implements StreamClient {
  /** Whether any event stream is made or read for this client. */
  isUsed = false;
  /** The id that the client gets before anything else, if it starts now. */
  opening: string | undefined;
  /** A client that resumes from here gets everything that the pipe has not sent yet. */
  reached: string | undefined;
  budget: WorkBudget | undefined;
  /** The event that is being handed to the pipe: what the pipe sends in this very moment comes from it. */
  private handed: string | undefined;

  /** @param lastEventId the id that the client brings */
  constructor(readonly lastEventId: string | undefined) {}

  /** Where a stream with these options begins for this client. */
  startOf({ from }: StreamOptions): Start {
    return this.lastEventId || from || 'now';
  }

  use(): void {
    this.isUsed = true;
  }

  begin(start: Start, id: string): void {
    if (this.reached === undefined && start === 'now') this.opening = id;
    this.reached ??= id;
  }

  hand(id: string | undefined): void {
    this.handed = id;
  }

  /** The id of a message that the pipe sends: its own, or that of the event which it comes from. */
  idOf(own: string | undefined): string | undefined {
    this.opening = undefined;
    return (this.reached = own ?? this.handed ?? this.reached);
  }
}

let current: Place | undefined;

/** The client whose route runs, or is subscribed to, in this very moment. */
export function currentPlace(): Place | undefined {
  return current;
}

/**
 * Runs `run` for the client at `place`: the event streams that are made or subscribed to in it, synchronously, go on from
 * its last event id. This is how `Last-Event-ID` reaches a stream through a pipe.
 */
export function servedTo<T>(place: Place, run: () => T): T {
  const outer = current;
  current = place;
  try {
    return run();
  } finally {
    current = outer;
  }
}
