import { setTimeout as delay } from 'node:timers/promises';
import type { EventBus } from '../bus/event-bus.js';
import { PushError } from '../contracts/errors.js';
import type { ChatChunk } from './chunks.js';

/** Where a client that counts chunks goes on in an answer. */
export interface Continuation {
  /** From where its topic is read. */
  readonly from: string;
  /** For a client that counts from the tail: the index of the last chunk, by which it knows the index of the first one it gets. */
  readonly tailIndex: number | undefined;
}

interface Stored {
  readonly id: string;
  readonly type: string;
}

const mostPerPage = 1_000;

/** How long a node may need to have what another one has sent already, in milliseconds. */
const patience = 5_000;
const pause = 20;

/**
 * Finds the chunk with an index. A negative one counts from the tail, and then the client gets the whole step that the chunk is
 * in: it cannot make anything of the rest of a part.
 *
 * @param isRunning whether more chunks may come
 * @returns `undefined` if the answer is not known
 * @throws PushError `ENDED` if the first chunks are not kept any more; `UNAVAILABLE` if this node does not have the chunks that the
 * client has
 */
export async function continuation(
  bus: EventBus,
  topic: string,
  startIndex: number,
  isRunning: () => Promise<boolean>,
): Promise<Continuation | undefined> {
  const chunks = await known(bus, topic, startIndex, isRunning);
  if (chunks.length === 0 && !(await isRunning())) return undefined;
  if (startIndex >= 0) return { from: after(chunks, startIndex), tailIndex: undefined };
  const index = stepOf(chunks, Math.max(0, chunks.length + startIndex));
  // The client gets from this what the index of its first chunk is: tailIndex + 1 + startIndex.
  return { from: after(chunks, index), tailIndex: index - startIndex - 1 };
}

/** What is stored, once that is as much as the client has. After the end it may have counted a chunk that is not stored. */
async function known(
  bus: EventBus,
  topic: string,
  startIndex: number,
  isRunning: () => Promise<boolean>,
): Promise<readonly Stored[]> {
  const end = performance.now() + patience;
  for (;;) {
    const mayGrow = await isRunning();
    const chunks = await stored(bus, topic);
    if (chunks.length >= startIndex || !mayGrow) return chunks;
    if (performance.now() > end)
      throw new PushError('UNAVAILABLE', `The chunk ${startIndex} is not there yet. Ask for it again.`);
    await delay(pause);
  }
}

async function stored(bus: EventBus, topic: string): Promise<readonly Stored[]> {
  const pages: Stored[][] = [];
  let before: string | undefined;
  do {
    const page = await bus.history(topic, { limit: mostPerPage, before });
    if (page.gap) {
      const advice = 'Load the message from where the application keeps it.';
      throw new PushError('ENDED', `The first chunks of the answer are not kept any more. ${advice}`);
    }
    pages.push(page.events.map(({ id, data }) => ({ id: id!, type: (data as ChatChunk).type })));
    before = page.before;
  } while (before !== undefined);
  return pages.toReversed().flat();
}

function after(chunks: readonly Stored[], index: number): string {
  return chunks[Math.min(index, chunks.length) - 1]?.id ?? 'earliest';
}

/** The index of the first chunk of the step that a chunk is in. */
function stepOf(chunks: readonly Stored[], index: number): number {
  const first = chunks.findLastIndex(({ type }, at) => at <= index && type === 'start-step');
  // What comes before the first step belongs to it.
  return first <= 0 || chunks.findIndex(({ type }) => type === 'start-step') === first ? 0 : first;
}
