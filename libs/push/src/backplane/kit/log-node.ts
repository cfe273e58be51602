import type { Tail } from '../../contracts/backplane.js';
import type { RetentionRules } from '../../contracts/retention.js';
import type { AppendQueue } from './append-queue.js';
import type { DeliveryProbe } from './delivery-probe.js';
import type { Outage } from './outage.js';

/** What all parts of one node's backplane share. `DurableBackplane` makes it when it is started. */
export interface LogNode {
  /** Tells this node from all others that use the log: 12 hexadecimal digits, chosen at random. */
  readonly id: string;
  /** Gets the events. `LogReader` and `Signals` call it. */
  readonly tail: Tail;
  /** How much of each topic the application promises. */
  readonly retention: RetentionRules;
  /** The events that wait to be stored. `Appender` takes them. */
  readonly queue: AppendQueue;
  /** Health checks. `LogReader` answers them. */
  readonly probe: DeliveryProbe;
  /** Logs when the server goes away and comes back. */
  readonly outage: Outage;
  /** Aborted when the backplane is closed. Everything that runs MUST end then. */
  readonly signal: AbortSignal;
}
