import type { NatsConnection } from '@nats-io/transport-node';
import { parsePosition, printPosition } from '../../contracts/position.js';
import { conflictOf, expectNone, isRemoval } from '../../contracts/state.js';
import type { PendingAppend } from '../kit/append-queue.js';
import { readBody } from '../kit/event-body.js';
import type { NatsLog } from './nats-log.js';
import type { WrongSequence } from './nats-publisher.js';
import type { Subjects } from './subjects.js';

/** No message has it: what is expected cannot be there. The server looks at the message id first all the same. */
const impossible = Number.MAX_SAFE_INTEGER;

/**
 * What appends expect, as the sequences that the server compares with. It looks at a message's id before it compares, so that
 * a retry of what was stored is no conflict.
 */
export class NatsExpectations {
  constructor(
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
  ) {}

  /** @param part of a batch, as `partsOf` makes them */
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

/**
 * The parts of a batch that can be sent at once. Whether a topic has no state is looked at before a part is sent: so what
 * expects that comes after the part that has an earlier event of its topic.
 */
export function partsOf(batch: readonly PendingAppend[]): PendingAppend[][] {
  const parts: PendingAppend[][] = [];
  let topics = new Set<string>();
  for (const append of batch) {
    const { topic, expect } = append.draft;
    const part = parts.at(-1);
    if (part && !(expect === expectNone && topics.has(topic))) part.push(append);
    else {
      parts.push([append]);
      topics = new Set();
    }
    topics.add(topic);
  }
  return parts;
}

/** Rejects an append with the conflict that the server has found. */
export function refuse(append: PendingAppend, epoch: string, { current }: WrongSequence): void {
  // The removal that was there is dropped meanwhile: it is tried again.
  if (current === 0 && append.draft.expect === expectNone) return;
  const id = current > 0 ? printPosition({ epoch, sequence: current }) : undefined;
  append.reject(conflictOf(append.draft, id));
}
