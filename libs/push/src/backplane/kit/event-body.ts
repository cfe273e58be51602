import { LogEvent, type Draft } from '../../contracts/event.js';

/*
 * How an event's content is stored on a server: a line with what is rarely there, as JSON (`[type, except, { by }]`) or empty,
 * then the payload. `by` is the publisher; what a reader does not know of it, or of the list, it leaves alone. JSON text holds no line feed, so that the first one ends the line.
 */

/** What is stored of an event besides its type and whom it excepts. */
interface Stored {
  readonly by?: string;
}

/** The stored form of a draft, without its topic. */
export function writeBody({ type, except, publisher, data }: Draft): string {
  if (type === undefined && except === undefined && publisher === undefined) return `\n${data}`;
  const head: unknown[] = [type ?? null, except ?? null];
  if (publisher !== undefined) head.push({ by: publisher } satisfies Stored);
  return `${JSON.stringify(head)}\n${data}`;
}

/** The event that was stored. */
export function readBody(epoch: string, sequence: number, topic: string, body: string): LogEvent {
  const end = body.indexOf('\n');
  const data = body.slice(end + 1);
  if (end <= 0) return new LogEvent(epoch, sequence, topic, undefined, data);
  const [type, except, stored] = JSON.parse(body.slice(0, end)) as [string | null, string | null, Stored?];
  return new LogEvent(epoch, sequence, topic, type ?? undefined, data, except ?? undefined, stored?.by);
}
