import { LogEvent, type Draft } from '../contracts/event.js';

/*
 * How an event's content is stored on a server: a line with what is rarely there, as JSON (`[type, except]`) or empty,
 * then the payload. JSON text holds no line feed, so that the first one ends the line.
 */

/** The stored form of a draft, without its topic. */
export function writeBody({ type, except, data }: Draft): string {
  const head =
    type === undefined && except === undefined ? '' : JSON.stringify([type ?? null, except ?? null]);
  return `${head}\n${data}`;
}

/** The event that was stored. */
export function readBody(epoch: string, sequence: number, topic: string, body: string): LogEvent {
  const end = body.indexOf('\n');
  if (end <= 0) return new LogEvent(epoch, sequence, topic, undefined, body.slice(end + 1));
  const [type, except] = JSON.parse(body.slice(0, end)) as (string | null)[];
  return new LogEvent(epoch, sequence, topic, type ?? undefined, body.slice(end + 1), except ?? undefined);
}
