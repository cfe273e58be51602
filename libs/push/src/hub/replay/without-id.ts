import { LogEvent } from '../../contracts/event.js';

/** By event, so that all readers share the encoded bytes. */
const copies = new WeakMap<LogEvent, LogEvent>();

/** The same event without an id, for a client that must not resume from there. */
export function withoutId(event: LogEvent): LogEvent {
  let copy = copies.get(event);
  if (!copy) {
    copies.set(event, (copy = new LogEvent(event.epoch, 0, event)));
  }
  return copy;
}
