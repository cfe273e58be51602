import type { Backplane, Draft, PushError, RetentionRules } from 'nestjs-push';
import type { RecordedNode } from 'nestjs-push/testing';
import { recordingOn } from './log-on-server.js';

const hour = 3_600_000;

/** Topics that begin with "run." are finite: they keep as many events as others, and their ends for an hour. */
export const finiteRules = ({
  events = 1_000,
  age = hour,
  ttl = hour,
  tombstones = hour,
} = {}): RetentionRules => ({
  of: (topic) => ({ events, age, ...(topic.startsWith('run.') && { ends: { ttl, tombstones } }) }),
  largest: { events, age: Math.max(age, ttl, tombstones) },
  hasEnds: true,
});

/** A node that records what it reads; it leaves after the test. */
export const join = (backplane: Backplane, retention = finiteRules()): Promise<RecordedNode> =>
  recordingOn(backplane, retention);

/** An event of a topic. */
export const chunk = (topic: string, data: unknown = 1, more: Partial<Draft> = {}): Draft => ({
  topic,
  data: JSON.stringify(data),
  ...more,
});

/** The end of a topic. */
export const ending = (topic: string, more: Partial<Draft> = {}): Draft => ({
  topic,
  data: 'null',
  meta: { end: 'done', $end: 'none' },
  ...more,
});

/** What removes a topic. */
export const forgotten = (topic: string): Draft => ({ topic, data: 'null', meta: { removed: true } });

/** Appends, and returns the id; `undefined` if the topic has ended. */
export async function put({ backplane }: RecordedNode, draft: Draft): Promise<string | undefined> {
  try {
    const { epoch, sequence } = await backplane.append(draft);
    return `${epoch}-${sequence}`;
  } catch (error) {
    if ((error as PushError).code !== 'ENDED') throw error;
    return undefined;
  }
}

/** All pages of some topics: the ids of their events, and what is lost. */
export async function pagesOf({ backplane }: RecordedNode, topics: string[], limit = 400) {
  const { sequence: through } = await backplane.head!();
  const ids: string[] = [];
  const lost = new Map<string, number>();
  for (let after = 0; after < through;) {
    const page = await backplane.history!.page({ topics, after, through, limit });
    ids.push(...page.events.map(({ id }) => id!));
    for (const [topic, sequence] of page.lost) lost.set(topic, sequence);
    after = page.through;
  }
  return { ids, lost: [...lost.keys()] };
}

/** Resolves when a node has read everything up to an event that it publishes now. */
export async function settled(node: RecordedNode): Promise<void> {
  const { sequence } = await node.backplane.append(chunk('mark'));
  await node.tail.until((tail) => tail.sequence >= sequence);
}
