import type { EventMeta } from '../../contracts/event-meta.js';
import type { LogEvent } from '../../contracts/event.js';

/** What an event takes besides its text, in bytes: its object, and slots in lists. */
const entryOverhead = 176;

/** What a topic takes besides its name, in bytes: its history, and a slot in a map. Its tree nodes are counted apart. */
const topicOverhead = 240;

/** What a property of metadata takes besides its strings, in bytes; and the object that has the properties. */
const propertyOverhead = 96;

/** About how much memory an event takes, in bytes, without its topic. Its encodings are not included: they are not kept with it. */
export function heldBytes({ data, meta }: LogEvent): number {
  return entryOverhead + textBytes(data) + (meta ? metaBytes(meta) : 0);
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
