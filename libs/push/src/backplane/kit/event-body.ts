import type { EventMeta } from '../../contracts/event-meta.js';
import { LogEvent, type Draft } from '../../contracts/event.js';

/*
 * How an event's content is stored: one line of JSON, then the payload. The line is `[type, except, { by, meta }]`, where
 * `by` is the publisher; it is empty for an event that has none of these. A reader ignores elements and properties that it does not
 * know. JSON text holds no line feed, so the first one ends the line.
 */

/** What the third element of the line may hold. */
interface Stored {
  readonly by?: string;
  readonly meta?: EventMeta;
}

/** The stored form of a draft. It does not hold the topic, nor the `messageId`. */
export function writeBody({ type, except, publisher, meta, data }: Draft): string {
  const hasMore = publisher !== undefined || meta !== undefined;
  if (type === undefined && except === undefined && !hasMore) return `\n${data}`;
  const head: unknown[] = [type ?? null, except ?? null];
  if (hasMore) head.push({ by: publisher, meta } satisfies Stored);
  return `${JSON.stringify(head)}\n${data}`;
}

/** The event whose body `writeBody` made. `sequence` is 0 for an ephemeral one. */
export function readBody(epoch: string, sequence: number, topic: string, body: string): LogEvent {
  const end = body.indexOf('\n');
  const data = body.slice(end + 1);
  if (end <= 0) return new LogEvent(epoch, sequence, { topic, data });
  const [type, except, stored] = JSON.parse(body.slice(0, end)) as [string | null, string | null, Stored?];
  const { by, meta } = stored ?? {};
  const frozen = meta && Object.freeze(meta);
  return new LogEvent(epoch, sequence, {
    topic,
    type: type ?? undefined,
    data,
    except: except ?? undefined,
    publisher: by,
    meta: frozen,
  });
}
