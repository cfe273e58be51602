import type { EventMeta } from '../../contracts/event-meta.js';
import type { LogEvent } from '../../contracts/event.js';

/** What an event takes besides its strings, in bytes: objects, and slots in lists. */
const entryOverhead = 256;

/** What a topic takes besides its name, in bytes: its history, and slots in maps and sets. Its tree nodes are counted apart. */
const topicOverhead = 320;

/** What a property of metadata takes besides its strings, in bytes; and the object that has the properties. */
const propertyOverhead = 96;

/** About how much memory an event takes, in bytes. Its encodings are not included: they are not kept with it. */
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

/** About what a string takes, in bytes: V8 uses one or two for each character, UTF-8 one to three. */
function textBytes(text: string): number {
  return Buffer.byteLength(text);
}
