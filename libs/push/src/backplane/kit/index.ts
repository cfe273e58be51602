/*
 * nestjs-push/backplane-kit: what a backplane for another server needs. Extend `DurableBackplane`, and give it a
 * `SharedLog` (creates the log and notices that it was lost), an `Appender` (stores batches), a `LogReader` (tails) and
 * `Signals` (sends what is not stored). docs/backplanes.md walks through one, and `describeBackplane` of
 * `nestjs-push/testing` checks it.
 */

// The backplane and its parts
export { DurableBackplane, type LogParts } from './durable.backplane.js';
export type { LogNode } from './log-node.js';
export { SharedLog, type KnownEntry, type OpenLog } from './shared-log.js';
export { Appender, type BatchLimits } from './appender.js';
export { LogReader } from './log-reader.js';
export { Signals, type SignalKind } from './signals.js';

// What they are made of
export { AppendQueue, type PendingAppend, type WaitLimits } from './append-queue.js';
export { DeliveryProbe, noTopic } from './delivery-probe.js';
export { Outage } from './outage.js';
export { readBody, writeBody } from './event-body.js';

// For finite topics
export { endedError, endOf, isEnd } from '../../contracts/end.js';

// For state topics
export { conflictOf, expectNone, isRemoval } from '../../contracts/state.js';

// For retries, and for histories
export { backoff, backoffDelay, within } from '../../contracts/backoff.js';
export { Matcher } from './matcher.js';
