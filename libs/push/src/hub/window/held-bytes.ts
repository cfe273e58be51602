import type { EventMeta } from '../../contracts/event-meta.js';
import type { LogEvent } from '../../contracts/event.js';

/** Counted for an event besides its texts: objects, and its places in lists. */
const entryOverhead = 256;

/** Counted for a topic besides its name: its history, and its places in maps and sets. Its nodes in the tree come to that. */
const topicOverhead = 320;

/** Counted for a property of metadata besides its texts, and for the object: the property's share of a map, and its value. */
const propertyOverhead = 96;

/** About how much memory an event takes, in bytes. Its encodings are not kept with it. */
export function heldBytes({ topic, data, meta }: LogEvent): number {
  return entryOverhead + topic.length + textBytes(data) + (meta ? metaBytes(meta) : 0);
}

/** About how much memory a topic takes, in bytes, whether it has events or not. */
export function topicBytes(topic: string): number {
  return topicOverhead + topic.length;
}

function metaBytes(meta: EventMeta): number {
  let bytes = propertyOverhead;
  for (const [name, value] of Object.entries(meta))
    bytes += propertyOverhead + textBytes(name) + (typeof value === 'string' ? textBytes(value) : 0);
  return bytes;
}

/** A text with characters beyond Latin-1 takes two bytes for each, which are three in UTF-8. */
function textBytes(text: string): number {
  return Buffer.byteLength(text);
}
