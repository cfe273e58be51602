import type { Draft, LogEvent } from './event.js';
import type { Position } from './position.js';
import type { RetentionRules } from './retention.js';

/*
 * The contract between the event bus and the log: in memory, in Redis, in NATS, or in a server of yours. MUST, SHOULD and
 * MAY are meant as in RFC 2119. "After" means later in the log, "before" means earlier, and the "head" is the position of
 * the newest entry. `describeBackplane` of `nestjs-push/testing` checks what is written here.
 *
 * To implement it for a server, extend `DurableBackplane` of `nestjs-push/backplane-kit`: it does everything that is the
 * same for all servers.
 */

/**
 * What a backplane calls on its node. The node implements it, the backplane uses it.
 *
 * A backplane MUST call `open` first and all methods in log order. It MUST NOT call one of them while another call is
 * still running. It MAY call them from inside its own `start` and `append`.
 */
export interface Tail {
  /**
   * Tells the node which log it reads, and from which position: the events after `position` follow.
   *
   * The first call MUST have the current head. A node that starts does not replay the log.
   *
   * It MUST be called again when the log is not the one that the node knows: the server was emptied or restored, or it
   * lost events that it had acknowledged. Such a log has a new epoch. `position` is then where that epoch began, so that
   * the node gets all of its events, and clients that resume with an older id are told of a gap.
   */
  open(position: Position): void;

  /**
   * Delivers one stored event. Every node MUST get every event after the position that it opened at, exactly once, in the
   * order of the sequences. What cannot be delivered MUST be announced with `skip`.
   */
  deliver(event: LogEvent): void;

  /**
   * Says that the events up to and including `sequence` which were not delivered cannot be delivered any more, because the
   * server dropped them before this node read them. The history MAY still have them.
   */
  skip(sequence: number): void;

  /**
   * Says that the log has come to `sequence`, and that the entry there is no event: a health check, or a mark of the
   * backplane's own. Without this call a node seems to lag, and clients with newer ids wait for it.
   */
  reach(sequence: number): void;

  /** Delivers one ephemeral event (sequence 0), at most once, in no defined order with stored events. */
  deliverEphemeral(event: LogEvent): void;

  /** Delivers a message that `Backplane.control` sent on any node, this one included, at most once. */
  control(message: string): void;

  /**
   * Backpressure. Returns `undefined` while the node can take more events, else a promise that resolves when it can.
   *
   * A backplane that reads its log from a server MUST await it between reads, so that unread events wait on the server
   * and not in this process.
   */
  congested(): Promise<void> | undefined;
}

/** Which events a history is asked for: those of `topics` after `after`, up to and including `through`. */
export interface HistoryQuery {
  /** Topics and patterns, at least one. */
  readonly topics: readonly string[];
  /** A sequence. The page starts with the first event after it. */
  readonly after: number;
  /** A sequence, never after the last one that this backplane has told its node. Events after it are not asked for. */
  readonly through: number;
  /** The most events that a page may hold, 1 or more. */
  readonly limit: number;
  /**
   * Asks only for the newest events of each topic: so many, 1 to 1,001, of those not after `through`. With 1, a topic MUST be
   * left out whose newest event is after `through`: the node gets that one in another way. That older events are gone does
   * not count as lost. Default: all events.
   */
  readonly newest?: number;
}

/** A part of the log, as the backplane still holds it. */
export interface HistoryPage {
  /** The events that match the query, in log order. */
  readonly events: readonly LogEvent[];
  /**
   * The page holds every matching event up to and including this sequence. It MUST be after the query's `after`, and MUST
   * NOT be after its `through`. If it is before `through`, the node asks for the next page, from here on.
   */
  readonly through: number;
  /**
   * What is missing: each topic or pattern of the query of which an event after `after` is gone, or may be gone, with the
   * sequence of the newest such event. That sequence MAY be after `through`. A topic that lost nothing MUST NOT be listed,
   * unless the backplane cannot know better.
   *
   * If a query for the newest events means so many topics that finding those would be too much work, the page MAY have
   * fewer of them, but at least the newest event of each topic. The query's patterns MUST be listed then.
   */
  readonly lost: ReadonlyMap<string, number>;
}

/** Reads events that are older than what nodes keep in memory. */
export interface History {
  /**
   * Reads one page. The node asks for one page at a time for each reader, and readers share pages.
   *
   * A page MUST be a bounded amount of work, whatever the query: a bounded number of commands and bytes, none of which
   * blocks the server or this process for more than a few milliseconds. A page MAY therefore hold fewer events than
   * `limit`, or none, and end before the query's `through`. What the backplane cannot know MUST count as lost.
   *
   * It MUST reject if the server cannot be read, or if its log has another epoch than `Tail.open` was told. The node tries
   * again.
   */
  page(query: HistoryQuery): Promise<HistoryPage>;
}

/** Values that one node takes, once. Tickets are kept here. */
export interface OneTimeStore {
  /**
   * Keeps `value` under `key` for `milliseconds`. After that time it MUST NOT be given out.
   *
   * @throws PushError `UNAVAILABLE` if it could not be kept
   */
  put(key: string, value: string, milliseconds: number): Promise<void>;
  /**
   * Removes the value of `key` and returns it. If several nodes take it at the same time, exactly one MUST get the value.
   * The others get `undefined`, and so does a call after its time.
   *
   * @throws PushError `UNAVAILABLE` if the store cannot be reached
   */
  take(key: string): Promise<string | undefined>;
}

/** A backplane's own view of its server, for metrics. */
export interface BackplaneStats {
  /** Events that wait to be stored. */
  readonly waiting: number;
  /** How often the server has gone away since the start. */
  readonly outages: number;
  /** Whether it is away now: something that the backplane will try again has failed. */
  readonly isAway: boolean;
}

/** The result of a health check. */
export interface Health {
  /** Whether an event that is published now would be stored and delivered to this node. */
  readonly ready: boolean;
  /** For people: what is wrong, or what was checked. */
  readonly detail: string;
}

/**
 * Where the log lives, and how the nodes of an application share it. A backplane knows nothing of connections.
 *
 * The abstract methods are required. The optional members are capabilities: a backplane has those that its log is able to
 * do, and leaves the others undefined. A capability MUST be there when `start` returns, and MUST NOT change after that.
 * Without one the application still works; what it loses stands at each member.
 */
export abstract class Backplane {
  /** Capability: older events than nodes keep in memory. Without it, clients that need them are told of a gap. */
  readonly history?: History;

  /** Capability: values that are taken once. Without it, `PushTickets` is refused with `INVALID_OPTION`. */
  readonly oneTimeStore?: OneTimeStore;

  /**
   * Capability: resolves with the head of the log on the server, as of a moment after the call. A client may resume with
   * an id from a node that has read further than this one; the head tells such an id from an invalid one. A backplane MUST
   * have it if one of its nodes can have read an event that another has not. It MUST reject if the server cannot be asked.
   */
  head?(): Promise<Position>;

  /** Capability: what metrics tell of the server. MUST be cheap, and MUST NOT ask the server. */
  stats?(): BackplaneStats;

  /**
   * Capability: state topics (`RetentionRules.state`). Without it, an application that has some is refused with
   * `INVALID_OPTION` before `start` is called: a backplane that has it says so from the beginning. Then, of each state topic:
   *
   * - The newest event MUST be kept, however old, and whatever else there is. It MUST NOT give way to other topics: what does
   *   not fit is refused, with `LIMIT_EXCEEDED` or `UNAVAILABLE`.
   * - An event that a newer one of its topic has replaced is not lost: it MUST NOT count in `HistoryPage.lost`, and it MUST NOT
   *   be in a history page if the newer one is not after the query's `through`.
   * - A removal is an event with the metadata `removed: true`. If it is the newest event of its topic, it MUST be kept for
   *   `StateRetention.tombstones`, and SHOULD be dropped soon after. A removal that was dropped counts as lost: a page MUST
   *   name the topics and patterns of the query that it, or another one of the same rule, matches.
   * - `Draft.expect` MUST hold when the event is stored, else `append` rejects with `CONFLICT`. A `messageId` that is known
   *   comes first: what it stored is no conflict. A conflict MUST NOT keep other events from being stored, nor change their order.
   *   A retry of the backplane's own MUST NOT conflict with what an earlier attempt has stored.
   */
  readonly keepsState?: boolean;

  /**
   * Capability: topics that end (`TopicRetention.ends`). Without it, an application that has some is refused with
   * `INVALID_OPTION` before `start` is called: a backplane that has it says so from the beginning. Then, of each such topic:
   *
   * - An end is an event with the metadata `end`, which `isEnd` recognizes. After it nothing MUST be stored: `append` rejects with
   *   `ENDED`, on every node, also for another end. The first end wins. A `messageId` that is known comes first: what it stored
   *   is there. A retry of the backplane's own MUST NOT be refused because an earlier attempt has stored the end.
   * - The end MUST be kept for `EndRetention.ttl`, whatever the retention says of the events before it, and until then the topic MUST
   *   be known as ended, also after a restart. After that it MAY be forgotten: then the topic can begin again.
   * - A removal (metadata `removed: true`) MUST be stored whether the topic has ended or not. It takes all earlier events of the topic away:
   *   they MUST NOT be in later history pages, and do not count as lost. After it, the topic begins again. It MUST be kept for
   *   `EndRetention.tombstones` unless newer events drive it out; then it counts as lost, as any event.
   * - A refusal MUST NOT keep other events from being stored, nor change their order.
   */
  readonly keepsEnds?: boolean;

  /**
   * Starts reading the log. The node calls it once, before anything else.
   *
   * It MUST NOT throw because a server is away: the backplane calls `Tail.open` when the log is there, and until then
   * `append` waits within its bounds.
   *
   * @param tail gets the events
   * @param retention how much of each topic the application promises. A backplane with a history MUST apply it; others
   * MAY ignore it.
   */
  abstract start(tail: Tail, retention: RetentionRules): void;

  /**
   * Stores one event, and resolves with its position once it is stored.
   *
   * The events of one node MUST be stored in the order of the calls. Events of one turn of the event loop SHOULD be sent
   * together. The tail gets the event too, before or after the promise resolves.
   *
   * If an event with the draft's `messageId` was stored before, and the id is still remembered, it MUST resolve with the
   * position of that event and store nothing.
   *
   * @throws PushError `UNAVAILABLE` if the event was not stored in time. It may have been stored nevertheless: only a retry
   * with the same `messageId` is safe. `CLOSED` if the backplane was closed before the event was stored. `CONFLICT`, with
   * the id of the topic's newest event as `currentId`, if `Draft.expect` does not hold. `ENDED` if the topic has ended
   */
  abstract append(draft: Draft): Promise<Position>;

  /**
   * Sends an event to all nodes that are connected now, this one included, without storing it. Resolves once it is sent.
   *
   * @throws PushError `UNAVAILABLE` if it could not be sent
   */
  abstract sendEphemeral(draft: Draft): Promise<void>;

  /**
   * Sends a control message (that a user's rights were revoked, for instance) to all nodes that are connected now, this one
   * included. Resolves once it is sent.
   *
   * @throws PushError `UNAVAILABLE` if it could not be sent
   */
  abstract control(message: string): Promise<void>;

  /**
   * Checks that an event would be stored and come back to this node. It MUST resolve within a few seconds, also if the
   * server does not answer, and MUST NOT reject.
   */
  abstract health(): Promise<Health>;

  /**
   * Stops reading, and frees all that the backplane opened itself. Appends that wait MUST settle. A second call MUST do
   * nothing.
   */
  abstract close(): Promise<void>;
}
