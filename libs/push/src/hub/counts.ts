import type { GapReason } from '../contracts/connection.js';
import type { Batch, Bytes } from '../contracts/event.js';
import { isReserved, covers } from '../contracts/topic.js';

/** How many topics' rules are remembered. */
const knownTopics = 10_000;

/** So few rules are looked at one by one: among many topics, that takes less time than to find one that is remembered. */
const fewRules = 8;

/** How many transports are counted by name. Their names are those in the code of the application. */
const mostTransports = 16;

/** Topics that no rule matches, and push's own (`$presence.…`). Patterns cannot have these names. */
const others = ['(none)', '(reserved)'];

/** The operations that are timed. */
export type TimedOperation = 'publish' | 'fetch';

/** Told of each operation that has ended. @param code of the error that it ended with, if it did */
export type OperationListener = (operation: TimedOperation, milliseconds: number, code?: string) => void;

/**
 * What this node has done since it started, as plain numbers: `nestjs-push/opentelemetry` reads them when metrics are collected.
 * Topics are counted by the rule that holds for them, so that there are never more numbers than rules.
 */
export class Counts {
  /** The patterns of the rules, then `(none)` and `(reserved)`. The numbers by rule have the same order. */
  readonly rules: readonly string[];
  /** Events that the backplane has stored for this node, and ephemeral ones that it has sent, by rule. */
  readonly stored: number[];
  readonly ephemeral: number[];
  /** Publications that failed, by the code of the error. */
  readonly failed = new Map<string, number>();
  /** Those of them that were refused because the node is overloaded. */
  refused = 0;
  /** Events of the log that this node has read. */
  read = 0;
  readonly gaps = new Map<GapReason, number>();
  readonly transports = new Map<string, TransportCounts>();
  /** Told of operations, while metrics are collected. MUST NOT throw. */
  onOperation: OperationListener | undefined;
  private readonly ruleOfTopic = new Map<string, number>();

  /** @param patterns of the rules, in the order in which they hold */
  constructor(patterns: readonly string[]) {
    this.rules = [...new Set(patterns), ...others];
    this.stored = this.rules.map(() => 0);
    this.ephemeral = this.rules.map(() => 0);
  }

  /** The numbers of one transport. */
  of(transport: string): TransportCounts {
    const known = this.transports.get(transport);
    if (known) return known;
    const name = this.transports.size < mostTransports ? transport : '(other)';
    const counts = this.transports.get(name) ?? new TransportCounts(this);
    this.transports.set(name, counts);
    return counts;
  }

  /** The index of the rule that holds for a topic. */
  ruleOf(topic: string): number {
    if (this.rules.length - others.length <= fewRules) return this.find(topic);
    const known = this.ruleOfTopic.get(topic);
    if (known !== undefined) return known;
    const rule = this.find(topic);
    if (this.ruleOfTopic.size >= knownTopics) this.ruleOfTopic.clear();
    this.ruleOfTopic.set(topic, rule);
    return rule;
  }

  private find(topic: string): number {
    const { rules } = this;
    const end = rules.length - others.length;
    for (let rule = 0; rule < end; rule++) if (covers(rules[rule]!, topic)) return rule;
    return isReserved(topic) ? end + 1 : end;
  }

  /** A publication has succeeded, or failed with an error of this code. @param began on the monotonic clock */
  published(topic: string, isEphemeral: boolean, began: number, code?: string): void {
    if (code === undefined) (isEphemeral ? this.ephemeral : this.stored)[this.ruleOf(topic)]!++;
    else increment(this.failed, code);
    this.onOperation?.('publish', performance.now() - began, code);
  }

  gap(reason: GapReason): void {
    increment(this.gaps, reason);
  }

  /** Bytes of the events that were written to clients, by all transports: before compression, and as they went out. */
  get delivered(): { readonly bytes: number; readonly written: number } {
    const sum = { bytes: 0, written: 0 };
    for (const { bytes, written } of this.transports.values()) {
      sum.bytes += bytes;
      sum.written += written;
    }
    return sum;
  }
}

/** What was delivered by one transport, and the connections of its clients. */
export class TransportCounts {
  /** Events that were written to clients, by rule. An event for two clients counts twice. */
  readonly events: number[];
  /** Bytes of those events, before compression. */
  bytes = 0;
  /** How many of them were not written, because compression made them fewer. */
  saved = 0;
  connected = 0;
  opened = 0;
  /** Connections that have ended, by reason, and by the code of the error where one has ended them. */
  readonly closed = new Map<string, number>();

  constructor(private readonly counts: Counts) {
    this.events = counts.rules.map(() => 0);
  }

  /** Bytes that went out for those events. */
  get written(): number {
    return this.bytes - this.saved;
  }

  /** Counts a batch that is written to one client. Returns its bytes. */
  delivered(batch: Batch, bytes: Bytes): Bytes {
    this.bytes += bytes.length;
    this.read(batch);
    return bytes;
  }

  /** Counts the events of a batch for one client. */
  read(batch: Batch): void {
    const tally = (batch.tally ??= this.tallyOf(batch));
    if (typeof tally === 'number') this.events[tally]!++;
    else for (let at = 0; at < tally.length; at += 2) this.events[tally[at]!]! += tally[at + 1]!;
  }

  joined(): void {
    this.connected++;
    this.opened++;
  }

  left(reason: string, code: string | undefined): void {
    this.connected--;
    increment(this.closed, code === undefined ? reason : `${reason} ${code}`);
  }

  private tallyOf({ events }: Batch): number | number[] {
    if (events.length === 1) return this.counts.ruleOf(events[0]!.topic);
    const counts = new Map<number, number>();
    for (const { topic } of events) increment(counts, this.counts.ruleOf(topic));
    return [...counts].flat();
  }
}

/** Adds one. */
export function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
