import type { Draft, LogEvent } from './event.js';
import type { Position } from './position.js';
import type { RetentionRules } from './retention.js';

/** What a backplane tells its node. Calls MUST come in log order, from one source, never re-entrantly from `append`'s caller of another turn. */
export interface Tail {
  /**
   * The log, and where this node joins it: events after `position` follow. MUST be the first call, with the end of the
   * log. MUST be called again when the log is no longer the continuation of what was told before: with the new epoch, and
   * the position where that one began, so that nothing of it is missed.
   */
  open(position: Position): void;
  /** Every retained event of the log, each exactly once, in order. */
  deliver(event: LogEvent): void;
  /** The events up to `sequence` can no longer be delivered to this node in order; they may still be in the history. */
  skip(sequence: number): void;
  /** The log has come to `sequence` without an event: what stands there is the backplane's own. */
  reach(sequence: number): void;
  /** An ephemeral event, at most once. */
  passBy(event: LogEvent): void;
  /** A message from one node's control plane to all nodes (this one included), at most once. */
  control(message: string): void;
  /**
   * Resolves once this node can take more events; `undefined` while it can. A backplane that reads its log from elsewhere
   * MUST wait for it between reads: what is not read yet waits in the log, which is its place.
   */
  congested(): Promise<void> | undefined;
}

/** What is asked of a history. */
export interface HistoryQuery {
  /** Topics and patterns, at least one. */
  readonly topics: readonly string[];
  /** Sequence; the page starts with the first event behind it. */
  readonly after: number;
  /** Sequence; nothing behind it is wanted. Not ahead of what the backplane has delivered. */
  readonly through: number;
  /** How many events at most, 1 or more. A page may hold fewer, or none: see `History.page`. */
  readonly limit: number;
  /** Of each topic only its newest event is wanted, if that is not behind `through`; nothing counts as lost. */
  readonly newestOnly?: boolean;
}

/** One page of the log as the backplane still holds it. */
export interface HistoryPage {
  /** The events that were asked for, in log order. */
  readonly events: readonly LogEvent[];
  /** The page is complete up to here, and not beyond the asked `through`: the next one starts behind it. */
  readonly through: number;
  /**
   * Of the asked topics and patterns, those of which an event after the asked position is gone, or may be,, with the sequence of the
   * newest such event, which may lie beyond the page. Never a topic that lost nothing, as far as the backplane can know.
   */
  readonly lost: ReadonlyMap<string, number>;
}

/**
 * What is older than a node's window. Only backplanes that keep more than the window have it. The hub asks for one page
 * at a time for each reader, and lets readers share pages.
 */
export interface History {
  /**
   * Reads one page. It is a bounded piece of work, whatever is asked: a bounded number of commands and bytes, none of which
   * keeps the server or this node's event loop for longer than a few milliseconds. What does not fit into that is the next
   * page's: `through` then lies before the asked one, but always after `after`. What cannot be known counts as `lost`.
   *
   * Rejects where the server cannot be read or has another epoch than the tail was told: the hub asks again.
   */
  page(query: HistoryQuery): Promise<HistoryPage>;
}

/**
 * Values that any node may take, once. Control messages cannot stand in for it: they may be lost, and two nodes could
 * take the same value at the same time.
 */
export interface OneTimeStore {
  /**
   * Keeps `value` for `milliseconds`, after which it MUST NOT be given out any more.
   *
   * @throws PushError `UNAVAILABLE` if it could not be kept
   */
  put(key: string, value: string, milliseconds: number): Promise<void>;
  /**
   * What was put under `key`, and removes it. Of all calls on all nodes exactly one MUST get it; the others, and those
   * that come too late, get `undefined`.
   *
   * @throws PushError `UNAVAILABLE`
   */
  take(key: string): Promise<string | undefined>;
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
  /** Where tickets wait to be redeemed. A backplane without it works, but for `PushTickets`. */
  readonly oneTimeStore?: OneTimeStore;

  /**
   * Begins to tail. Called once, before anything else. MUST NOT throw because a server is away: it calls `open` as soon
   * as the log is reachable, and until then `append` waits within a bound.
   *
   * @param retention how much of each topic is promised. It belongs here because the application's rules are the
   * module's options: a backplane that keeps a history has to apply them, others ignore it.
   */
  abstract start(tail: Tail, retention: RetentionRules): void;

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

  /**
   * Where the log ends on the server, as of a moment after the call. A client may come from a node that is ahead of this
   * one: its id is neither false nor does it miss anything. Only a backplane whose nodes are never ahead of each other can
   * do without.
   */
  end?(): Promise<Position>;

  /** Checks delivery: that an event would go through the log and come back. MUST resolve within seconds. */
  abstract health(): Promise<Health>;

  /** Frees everything that the backplane opened itself. Idempotent. Pending appends settle. */
  abstract close(): Promise<void>;
}
