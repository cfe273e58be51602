import type { EventMeta } from '../contracts/event-meta.js';
import { LogEvent } from '../contracts/event.js';
import { parsePosition } from '../contracts/position.js';
import { deadLetterTopicOf } from '../contracts/reserved.js';
import { encodeToken } from '../contracts/topic-tag.js';

/** The longest text of an error that is kept, in characters. */
const longestText = 4_000;

/** What a dead letter has, as it is stored. */
export interface DeadLetterData {
  readonly event: {
    readonly id: string;
    readonly topic: string;
    readonly type?: string;
    readonly data: unknown;
    readonly meta?: EventMeta;
  };
  readonly handler: string;
  readonly attempts: number;
  /** When it failed last, as ISO 8601. */
  readonly failed: string;
  readonly error: {
    readonly name: string;
    readonly message: string;
    readonly code?: string;
    readonly stack?: string;
  };
  /** Somebody wants it to be handled again. */
  readonly replay?: true;
}

/** The topic of the dead letter of an event. */
export function letterTopicOf(group: string, { id }: LogEvent, handler: string): string {
  return deadLetterTopicOf(group, id!, encodeToken(handler));
}

/** What is stored of an event that a handler could not handle. */
export function letterOf(
  event: LogEvent,
  handler: string,
  attempts: number,
  thrown: unknown,
): DeadLetterData {
  const { id, topic, type, data, meta } = event;
  return {
    event: { id: id!, topic, type, data: JSON.parse(data) as unknown, meta },
    handler,
    attempts,
    failed: new Date().toISOString(),
    error: errorOf(thrown),
  };
}

/** The event of a dead letter, as it was. */
export function eventOf({ event: { id, topic, type, data, meta } }: DeadLetterData): LogEvent {
  const { epoch, sequence } = parsePosition(id)!;
  return new LogEvent(epoch, sequence, { topic, type, data: JSON.stringify(data), meta });
}

function errorOf(thrown: unknown): DeadLetterData['error'] {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: cut(String(thrown)) };
  const { name, message, stack } = thrown;
  const { code } = thrown as { readonly code?: unknown };
  return {
    name,
    message: cut(message),
    ...(typeof code === 'string' && { code: cut(code) }),
    ...(stack !== undefined && { stack: cut(stack) }),
  };
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}
