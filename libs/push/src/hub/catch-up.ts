import type { LogEvent } from '../contracts/event.js';

/** How much of the past may be read in one turn of the event loop, by all together: see `costOf`. */
const perTurn = 512 * 1024;

/** What an event costs besides its bytes. */
const perEvent = 128;

/** Somebody who reads the past. */
export interface Reading {
  /** Goes on, as far as it may. */
  resume(): void;
}

/**
 * Shares out the time that a node has for those who read the past. However much they ask for, the event loop gets its turns
 * in between, and with it everyone who is live; who finds nothing left of a turn waits for a later one, in order.
 */
export class CatchUp {
  private spent = 0;
  private isScheduled = false;
  private readonly waiting = new Set<Reading>();

  /** Whether `reading` may go on in this turn. If not, it is called in a later one. */
  mayGoOn(reading: Reading): boolean {
    if (this.spent < perTurn) return true;
    this.waiting.add(reading);
    return false;
  }

  /** Counts a page that was read, whether its events were wanted or not. */
  spend(page: readonly LogEvent[]): void {
    this.spent += costOf(page);
    if (this.isScheduled || this.spent === 0) return;
    this.isScheduled = true;
    setImmediate(this.nextTurn);
  }

  /** It does not want to go on any more. */
  forget(reading: Reading): void {
    this.waiting.delete(reading);
  }

  private readonly nextTurn = (): void => {
    this.spent = 0;
    this.isScheduled = false;
    for (const reading of this.waiting) {
      if (this.spent >= perTurn) return;
      this.waiting.delete(reading);
      reading.resume();
    }
  };
}

function costOf(page: readonly LogEvent[]): number {
  return page.reduce((sum, { data }) => sum + data.length + perEvent, 0);
}
