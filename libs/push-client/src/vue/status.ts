import { statusSource } from '../bindings/status.js';
import type { StatusChange } from '../link.js';
import { usePush } from './client.js';
import { refsOf, useSource, type Refs } from './source.js';

/**
 * The status of the connection, and what is known of it.
 *
 * ```ts
 * const { status, retryIn, error } = usePushStatus();
 * ```
 */
export function usePushStatus(): Refs<StatusChange> {
  const push = usePush();
  const { value } = useSource('status', () => statusSource(push));
  return refsOf<StatusChange>(value, ['status', 'transport', 'connection', 'retryIn', 'error']);
}
