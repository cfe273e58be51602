import type { Link } from './link.js';

/**
 * Lets a link know what becomes of the page: it lets go while the page is frozen or in the back/forward cache (a
 * connection would keep it out of there), and looks at once when the network or the reader is back. Where there is no
 * page, nothing of this happens.
 *
 * @param hidden is called when the page is: it may be gone without another word
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
    // Some browsers say in no other way that a page is back.
    open();
    link.nudge();
  });
}
