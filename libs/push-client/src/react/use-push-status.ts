import { statusSource } from '../bindings/status.js';
import type { StatusChange } from '../link.js';
import { useSource } from './use-source.js';

/**
 * The status of the connection. On a server, and while a page is hydrated, it is `idle`.
 *
 * ```tsx
 * const { status, retryIn, error } = usePushStatus();
 * ```
 */
export function usePushStatus(): StatusChange {
  const [change] = useSource('status', (push) => statusSource(push));
  return change;
}
