import { effect, inject, NgZone, PLATFORM_ID, untracked } from '@angular/core';

/** Opens something outside of Angular's zone. Returns what closes it. */
export type Open = () => (() => unknown) | undefined | '';

/**
 * Calls the function that `toOpen` returns, and again when the signals that it has read change: in browsers only, and until the
 * component, or whatever else the injection context belongs to, is destroyed.
 */
export function openShown(toOpen: () => Open): void {
  // As `isPlatformBrowser` of `@angular/common` does.
  if (inject(PLATFORM_ID) !== 'browser') return;
  const zone = inject(NgZone);
  effect((onCleanup) => {
    const open = toOpen();
    // Timers and sockets would have everything checked, and the application would never be stable.
    const close = untracked(() => zone.runOutsideAngular(open));
    if (close) onCleanup(close);
  });
}
