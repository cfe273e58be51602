import { statusSource } from '../bindings/status.js';
import type { StatusChange } from '../link.js';
import { injectPush } from './client.js';
import { injectSource, signalsOf, type Signals } from './source.js';

/**
 * The status of the connection, and what is known of it.
 *
 * ```ts
 * readonly connection = injectPushStatus(); // connection.status(), connection.retryIn()
 * ```
 */
export function injectPushStatus(): Signals<StatusChange> {
  const push = injectPush();
  const { value } = injectSource('status', () => statusSource(push));
  return signalsOf<StatusChange>(value, ['status', 'transport', 'connection', 'retryIn', 'error']);
}
