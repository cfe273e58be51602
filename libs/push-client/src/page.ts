import type { Link } from './link.js';

/**
 * Follows the life cycle of the page. The link rests while the page is frozen or in the back/forward cache, since browsers do
 * not cache a page with an open connection. It checks the connection when the network or the user is back. Without a page
 * nothing happens.
 *
 * @param hidden is called when the page is hidden, which may be the last event before it is gone
 */
export function followPage(link: Link, signal: AbortSignal, hidden: () => void): void {
  const page = (globalThis as { document?: EventTarget & { readonly visibilityState: string } }).document;
  const on = (target: Partial<EventTarget> | undefined, type: string, listener: () => void) =>
    target?.addEventListener?.(type, listener, { signal });
  const rest = () => link.rest({ status: 'waiting' });
  const open = () => link.open();
  on(globalThis, 'offline', () => link.cut());
  on(globalThis, 'online', () => link.nudge());
  on(globalThis, 'pagehide', rest);
  on(globalThis, 'pageshow', open);
  on(page, 'freeze', rest);
  on(page, 'resume', open);
  on(page, 'visibilitychange', () => {
    if (page!.visibilityState !== 'visible') return hidden();
    // In some browsers this is the only event for a page that is back.
    open();
    link.nudge();
  });
}
