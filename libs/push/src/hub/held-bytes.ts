import type { LogEvent } from '../contracts/event.js';

/** Counted for an event besides its text: objects, and the encodings that it will get when it is sent. */
const entryOverhead = 256;
const encodings = 3;

/** About how much memory an event takes, in bytes. */
export function heldBytes(event: LogEvent): number {
  return entryOverhead + event.topic.length + encodings * event.data.length;
}
