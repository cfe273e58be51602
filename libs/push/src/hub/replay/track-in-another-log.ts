import type { Window } from '../window/window.js';
import { Subscription } from './subscription.js';
import { Track } from './track.js';

/** The topics of some tracks, of which the first is the main one, in the log that has taken the place of theirs. */
export function trackInAnotherLog(window: Window, tracks: readonly [Track, ...Track[]]): Track {
  const track = new Track(window, window.head, 'slow', tracks[0].topics);
  for (const { pattern, hasSnapshots } of tracks.flatMap(({ all }) => [...all])) {
    const subscription = new Subscription(pattern, window.head);
    subscription.hasSnapshots = hasSnapshots;
    track.add(subscription);
  }
  if (track.size > 0) track.startGap = 'epoch';
  return track;
}
