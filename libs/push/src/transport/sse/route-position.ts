import type { StreamClient } from '../../bus/stream-reader.js';
import type { StreamOptions } from '../../bus/event-stream.js';
import type { Principal } from '../../contracts/principal.js';
import type { WorkBudget } from '../../contracts/connection.js';
import type { Start } from '../../protocol/topics.js';

/** The position of a route's client in the log. It moves as the events of the route's streams leave the route's pipe. */
export class RoutePosition implements StreamClient {
  /** Whether the route creates or reads any event stream for this client. */
  readsLog = false;
  /** Whether all topics of a stream have ended. */
  hasEnded = false;
  /** The id to send before the first event, if the client starts now. */
  openingId: string | undefined;
  /** A client that resumes from here gets everything that the pipe has not sent yet. */
  reached: string | undefined;
  budget: WorkBudget | undefined;
  principal: Principal | undefined;
  /** Makes the route's client present. Until it is known, what there is waits. */
  private presenting: StreamClient['present'] | undefined;
  private readonly unpresented: Parameters<StreamClient['present']>[] = [];
  /** The event that the pipe is handling. What the pipe sends in the meantime comes from this event. */
  private currentEvent: string | undefined;

  /** @param lastEventId the id that the client sent with its request */
  constructor(readonly lastEventId: string | undefined) {}

  /** Where a stream with these options begins for this client. */
  startOf({ from }: StreamOptions): Start {
    return this.lastEventId || from || 'now';
  }

  markAsReader(): void {
    this.readsLog = true;
  }

  markAsEnded(): void {
    this.hasEnded = true;
  }

  begin(start: Start, id: string): void {
    // Only its snapshots move a client.
    if (start === 'snapshot') return;
    if (this.reached === undefined && start === 'now') this.openingId = id;
    this.reached ??= id;
  }

  present(...presentation: Parameters<StreamClient['present']>): void {
    if (this.presenting) this.presenting(...presentation);
    else this.unpresented.push(presentation);
  }

  /** From now on `present` makes the client present, with what it was called with before. */
  presentBy(presenting: StreamClient['present']): void {
    this.presenting = presenting;
    for (const presentation of this.unpresented.splice(0)) presenting(...presentation);
  }

  setCurrentEvent(id: string | undefined): void {
    this.currentEvent = id;
  }

  /**
   * Moves past a message that the pipe sends.
   *
   * @param own the id that the pipe gave the message
   * @returns the message's id: its own, or that of the event that it comes from
   */
  advance(own: string | undefined): string | undefined {
    this.openingId = undefined;
    return (this.reached = own ?? this.currentEvent ?? this.reached);
  }
}

let current: RoutePosition | undefined;

/** The position of the client whose route is running right now, or whose stream is being subscribed to. */
export function currentPosition(): RoutePosition | undefined {
  return current;
}

/**
 * Runs `run` with `position` as the current one. Event streams that `run` creates or subscribes to synchronously resume from
 * the client's last event id. This is how `Last-Event-ID` reaches a stream through a pipe.
 */
export function runAt<T>(position: RoutePosition, run: () => T): T {
  const outer = current;
  current = position;
  try {
    return run();
  } finally {
    current = outer;
  }
}
