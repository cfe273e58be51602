import type { LogEvent } from '../../contracts/event.js';

/** Counted for an event besides its texts: objects, and its places in lists. */
const entryOverhead = 256;

/** Counted for a topic besides its name: its history, and its places in maps and sets. Its nodes in the tree come to that. */
const topicOverhead = 320;

/** About how much memory an event takes, in bytes. Its encodings are not kept with it. */
export function heldBytes({ topic, data }: LogEvent): number {
  return entryOverhead + topic.length + textBytes(data);
}

/** About how much memory a topic takes, in bytes, whether it has events or not. */
export function topicBytes(topic: string): number {
  return topicOverhead + topic.length;
}

/** A text with characters beyond Latin-1 takes two bytes for each, which are three in UTF-8. */
function textBytes(text: string): number {
  return Buffer.byteLength(text);
}
