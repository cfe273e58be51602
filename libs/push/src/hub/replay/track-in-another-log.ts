import type { Window } from '../window/window.js';
import type { CatchUp } from './catch-up.js';
import { Subscription } from './subscription.js';
import { Track } from './track.js';

/** The topics of a main track, and of catch-ups that have begun, in the log that has taken the place of theirs. */
export function trackInAnotherLog(window: Window, main: Track, catchUps: readonly CatchUp[]): Track {
  const begun = catchUps.filter(({ isUnbegun }) => !isUnbegun).map(({ track }) => track);
  const tracks = [main, ...begun];
  const track = new Track(window, window.head, 'slow', main.topics);
  for (const { pattern, hasSnapshots } of tracks.flatMap(({ all }) => [...all])) {
    const subscription = new Subscription(pattern, window.head);
    subscription.hasSnapshots = hasSnapshots;
    track.add(subscription);
  }
  if (track.size > 0) track.startGap = 'epoch';
  return track;
}
