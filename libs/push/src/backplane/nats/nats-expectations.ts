import type { NatsConnection } from '@nats-io/transport-node';
import { parsePosition, printPosition } from '../../contracts/position.js';
import type { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import { conflictOf, expectNone, isRemoval } from '../../contracts/state.js';
import type { PendingAppend } from '../kit/append-queue.js';
import { readBody } from '../kit/event-body.js';
import type { NatsLog } from './nats-log.js';
import type { WrongSequence } from './nats-publisher.js';
import type { Subjects } from './subjects.js';

/** No message has it: what is expected cannot be there. The server looks at the message id first all the same. */
export const impossible = Number.MAX_SAFE_INTEGER;

/**
 * What appends expect, as the sequences that the server compares with. It looks at a message's id before it compares, so that
 * a retry of what was stored is no conflict.
 */
export class NatsExpectations {
  constructor(
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
  ) {}

  /** @param part of a batch, as `partFrom` makes it */
  async of(
    connection: NatsConnection,
    epoch: string,
    part: readonly PendingAppend[],
  ): Promise<Map<PendingAppend, number>> {
    const expected = new Map<PendingAppend, number>();
    const none: PendingAppend[] = [];
    for (const append of part) {
      const { expect } = append.draft;
      if (expect === undefined) continue;
      if (expect === expectNone) none.push(append);
      const position = parsePosition(expect);
      const isPossible = position?.epoch === epoch && position.sequence > 0;
      expected.set(append, isPossible ? position.sequence : impossible);
    }
    if (none.length > 0) {
      const { streams } = await this.log.manager(connection);
      // A batch has a bound.
      await Promise.all(
        none.map(async (append) => {
          const { topic } = append.draft;
          const query = { last_by_subj: this.subjects.of(topic) };
          const newest = await streams.getMessage(this.subjects.stream, query);
          const isGone = newest !== null && isRemoval(readBody('', newest.seq, topic, newest.string()));
          expected.set(append, isGone ? newest.seq : 0);
        }),
      );
    }
    return expected;
  }
}

/** What `partFrom` asks of finite topics. */
interface Ends {
  isFinite(topic: string): boolean;
  hasEnded(topic: string): boolean;
}

/**
 * The part of a batch from an index on that can be sent at once. Whether a topic has no state is looked at before a part is sent:
 * so what expects that comes after the part that has an earlier event of its topic. An event of a finite topic names the one
 * before it, whose sequence has to be known; what is known to come after an end names none.
 */
export function partFrom(batch: readonly PendingAppend[], start: number, ends: Ends): PendingAppend[] {
  const topics = new Set<string>();
  const removed = new Set<string>();
  const waits = ({ topic, expect, meta }: Draft) => {
    if (!topics.has(topic)) return false;
    if (expect === expectNone) return true;
    if (!ends.isFinite(topic)) return false;
    return isRemoval({ meta }) || removed.has(topic) || !ends.hasEnded(topic);
  };
  let end = start;
  for (; end < batch.length && !waits(batch[end]!.draft); end++) {
    const { topic, meta } = batch[end]!.draft;
    topics.add(topic);
    if (isRemoval({ meta })) removed.add(topic);
  }
  return batch.slice(start, end);
}

/** The conflict that the server has found. */
export function conflictIn(
  { draft }: PendingAppend,
  epoch: string,
  { current }: WrongSequence,
): PushError | undefined {
  // The removal that was there is dropped meanwhile: it is tried again.
  if (current === 0 && draft.expect === expectNone) return undefined;
  return conflictOf(draft, current > 0 ? printPosition({ epoch, sequence: current }) : undefined);
}
