import type { HistoryPage } from '../../contracts/backplane.js';
import type { GapReason } from '../../contracts/connection.js';
import type { Window } from '../window/window.js';
import type { Loss, Subscription } from './subscription.js';

/** A track whose losses are looked at: see `Track`. */
interface Lossy {
  readonly all: Iterable<Subscription>;
  readonly sequence: number;
  readonly startGap: GapReason | undefined;
  readonly newestCount: number;
}

/**
 * What a track has lost that its client does not know of. Subscriptions that accept losses do so now.
 *
 * @param page what the backplane has of what the window has lost; `undefined` if nothing had to be read
 */
export function unreported(track: Lossy, window: Window, page: HistoryPage | undefined): Loss[] {
  const losses: Loss[] = [];
  for (const subscription of track.all) {
    const missed = lossOf(subscription.missedThrough, subscription, window, page);
    // A gap notice covers everything that is lost when it is sent.
    const through = lossOf(subscription.lostThrough, subscription, window, page);
    // Those that were told of the gap at the start may lose something while the others have not been.
    if (track.startGap && !subscription.isReset) losses.push({ subscription, through });
    else if (subscription.acceptsLoss) {
      // If nothing was read that says which of it is gone, the backplane is asked when the track comes there.
      if (page || through === subscription.lostThrough)
        subscription.acceptLoss(through, window.journal.count);
    } else if (!subscription.isRedundant && missed > Math.max(subscription.settled, track.sequence))
      losses.push({ subscription, through });
  }
  return losses;
}

/**
 * The same for a track that wants only the newest events of each topic: losses of older ones do not matter. It tells where the
 * backplane could not find all of the newest ones.
 *
 * @param through up to here only the newest are wanted
 */
export function unfound(track: Lossy, through: number, page: HistoryPage | undefined): Loss[] {
  if (!page || page.lost.size === 0 || track.newestCount === 1) return [];
  const all = [...track.all].filter((each) => each.reported < through && page.lost.has(each.pattern));
  return all.map((subscription) => ({ subscription, through }));
}

/** How far a subscription has lost something for good: neither the window has it nor the backplane. */
function lossOf(
  lost: number,
  { pattern }: Subscription,
  { recoverable }: Window,
  page: HistoryPage | undefined,
): number {
  return lost > recoverable ? lost : Math.min(lost, page?.lost.get(pattern) ?? 0);
}
