import { channel } from 'node:diagnostics_channel';

/**
 * What the relay does next, or has done. `append` comes before a row is appended, `delete` before rows that are stored or refused
 * are deleted.
 */
export type OutboxStep =
  'lease' | 'recover' | 'claim' | 'append' | 'appended' | 'delete' | 'deleted' | 'release';

const steps = channel('nestjs-push.outbox');

/** Tells the subscribers of the diagnostics channel `nestjs-push.outbox`, before it returns. */
export function tell(step: OutboxStep): void {
  if (steps.hasSubscribers) steps.publish({ step });
}
