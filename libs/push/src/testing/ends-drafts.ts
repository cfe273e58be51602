import { endMeta, type EndData } from '../contracts/end.js';
import type { Draft, LogEvent } from '../contracts/event.js';
import { printPosition } from '../contracts/position.js';
import { removalMeta } from '../contracts/state.js';
import type { RecordedNode } from './recording-tail.js';

/* What the suite's tests of ends append. */

/** An event of a topic. */
export function event(topic: string, data: unknown, more: Partial<Draft> = {}): Draft {
  return { topic, data: JSON.stringify(data), ...more };
}

/** The end of a topic. */
export function end(
  topic: string,
  reason = 'done',
  more: Partial<Draft> = {},
  data: EndData = 'none',
): Draft {
  return { topic, data: 'null', meta: endMeta({ reason, data }), ...more };
}

/** What removes a topic. */
export function forgotten(topic: string): Draft {
  return { topic, data: 'null', meta: removalMeta };
}

/** Appends, and returns the id. */
export async function put({ backplane }: RecordedNode, draft: Draft): Promise<string> {
  return printPosition(await backplane.append(draft));
}

/** What was delivered up to an event that is appended now. */
export async function delivered(node: RecordedNode): Promise<LogEvent[]> {
  const { sequence } = await node.backplane.append(event('mark', null));
  await node.tail.until(({ events }) => events.some((each) => each.sequence === sequence));
  return node.tail.events.filter(({ topic }) => topic !== 'mark');
}
