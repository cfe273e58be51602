import { endMeta, endOf } from '../../contracts/end.js';
import { LogEvent } from '../../contracts/event.js';

/* Other forms of an event that ends its topic. By event, so that all readers share the encoded bytes. */

const bare = new WeakMap<LogEvent, LogEvent>();
const results = new WeakMap<LogEvent, LogEvent>();

/** The end alone, without id and data: for a reader that is after it in the log already. */
export function bareEnd(event: LogEvent): LogEvent {
  return kept(bare, event, () => {
    const { epoch, topic, meta } = event;
    const { reason } = endOf(event)!;
    return new LogEvent(epoch, 0, { topic, data: 'null', meta: endMeta({ reason, data: 'none' }, meta) });
  });
}

/** The event as a reader gets it that wants the newest event of the topic, and not those before: a result is data then. */
export function newestForm(event: LogEvent): LogEvent {
  const end = endOf(event);
  if (end?.data !== 'result') return event;
  return kept(results, event, () => {
    const { epoch, sequence, topic, type, data, except, publisher } = event;
    const { $end: _, ...meta } = event.meta!;
    return new LogEvent(epoch, sequence, { topic, type, data, except, publisher, meta: Object.freeze(meta) });
  });
}

function kept(forms: WeakMap<LogEvent, LogEvent>, event: LogEvent, make: () => LogEvent): LogEvent {
  let form = forms.get(event);
  if (!form) forms.set(event, (form = make()));
  return form;
}
