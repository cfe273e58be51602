import type { Draft, LogEvent } from './event.js';
import type { Position } from './position.js';

/** What a backplane tells its node. Calls MUST come in log order, from one source, never re-entrantly from `append`'s caller of another turn. */
export interface Tail {
  /**
   * The log, and where this node joins it: events after `position` follow. MUST be the first call, and MUST be called
   * again when the log is no longer the continuation of what was told before (another epoch).
   */
  open(position: Position): void;
  /** Every retained event of the log, each exactly once, in order. */
  deliver(event: LogEvent): void;
  /** The events up to `sequence` can no longer be delivered to this node in order; they may still be in the history. */
  skip(sequence: number): void;
  /** An ephemeral event, at most once. */
  passBy(event: LogEvent): void;
  /** A message from one node's control plane to all nodes (this one included), at most once. */
  control(message: string): void;
}

/** One page of the log as the backplane still holds it. */
export interface HistoryPage {
  /** Events of the asked topics after the asked position, in order. */
  readonly events: readonly LogEvent[];
  /** The page is complete up to here: the next one starts after it. */
  readonly through: number;
  /** Of the asked topics: those that lost an event after the asked position and not after `through`. */
  readonly lost: readonly string[];
}

/** What is older than a node's window. Only backplanes that keep more than the window have it. */
export interface History {
  /**
   * @param topics topics and patterns
   * @param after sequence; the page starts with the first event behind it
   * @param limit how many events at most
   */
  page(topics: readonly string[], after: number, limit: number): Promise<HistoryPage>;
}

/** What `health()` found. */
export interface Health {
  /** Whether an event that is published now would be stored and reach this node. */
  readonly ready: boolean;
  /** For people: what is wrong, or how it was checked. */
  readonly detail: string;
}

/**
 * Where the log lives and how nodes share it. The contract between the event bus and memory, Redis, NATS or yours; it
 * knows nothing of connections, nor of what topics mean. `nestjs-push/testing` exports the suite that holds it.
 */
export abstract class Backplane {
  /** Older events, where the backplane keeps more than this node's window does. */
  readonly history?: History;

  /**
   * Begins to tail. Called once, before anything else. MUST NOT throw because a server is away: it calls `open` as soon
   * as the log is reachable, and until then `append` waits within a bound.
   */
  abstract start(tail: Tail): void;

  /**
   * Stores one event and resolves with its position once it is stored. Calls of one node MUST be stored in call order;
   * those of one turn SHOULD travel together. The tail gets the event too, before or after this resolves.
   *
   * A draft whose `messageId` is remembered MUST resolve with the position of the first event and store nothing.
   *
   * @throws PushError `UNAVAILABLE` if it could not be stored in time. It may have been stored nevertheless: only a
   * retry with the same `messageId` is safe.
   */
  abstract append(draft: Draft): Promise<Position>;

  /** Sends an event to all nodes that are there now (this one included); at most once, in no order with the log. */
  abstract pass(draft: Draft): Promise<void>;

  /** Sends a control message to all nodes that are there now (this one included). */
  abstract control(message: string): Promise<void>;

  /** Checks delivery: that an event would go through the log and come back. MUST resolve within seconds. */
  abstract health(): Promise<Health>;

  /** Frees everything that the backplane opened itself. Idempotent. Pending appends settle. */
  abstract close(): Promise<void>;
}
