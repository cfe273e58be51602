import { PushError } from '../contracts/errors.js';
import { LeaseLost } from './relay-lease.js';

/** What a failed append means. */
export interface Fault {
  /** `refused`: the row never can be published. `held`: it may be later. `stop`: no row can be now. */
  readonly kind: 'refused' | 'held' | 'stop';
  /** Whether the row may be in the log nevertheless. */
  readonly mayBeStored: boolean;
}

/** Whether an error says that an event never can be published. An internal error may have another reason than the event. */
export function isPermanent(error: unknown): error is PushError {
  return error instanceof PushError && !error.retryable && error.code !== 'INTERNAL';
}

/** What the error of an append means. */
export function faultOf(error: unknown): Fault {
  if (error instanceof LeaseLost) return { kind: 'stop', mayBeStored: false };
  if (isPermanent(error)) return { kind: 'refused', mayBeStored: false };
  if (!(error instanceof PushError)) return { kind: 'held', mayBeStored: true };
  const { code } = error;
  if (code === 'UNAVAILABLE' || code === 'CLOSED') return { kind: 'stop', mayBeStored: true };
  return { kind: 'held', mayBeStored: code !== 'LIMIT_EXCEEDED' };
}
