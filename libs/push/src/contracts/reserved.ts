import type { StateRetention } from './retention.js';
import { isTopic, overlaps } from './topic.js';

/*
 * The reserved topics that nodes write, for what they own. All are state topics. They have rules of their own, outside of the
 * application's bounds: what there is of them is bounded by the connections of the nodes.
 */

const leasePrefix = '$lease.';
const presencePrefix = '$presence.';
const countToken = '$count';

/** How long their removals are remembered, in milliseconds. */
const tombstones = 60_000;

/** The topics that nodes own. */
export const ownedPatterns = [`${leasePrefix}>`, `${presencePrefix}>`] as const;

/** Their rules. */
export const ownedRules: readonly StateRetention[] = ownedPatterns.map((pattern) => ({
  pattern,
  tombstones,
}));

/** The topic of the lease of an incarnation. */
export function leaseTopicOf(incarnation: string): string {
  return leasePrefix + incarnation;
}

/** The incarnation whose lease a topic is; `undefined` for other topics. */
export function leaseOf(topic: string): string | undefined {
  return topic.startsWith(leasePrefix) ? topic.slice(leasePrefix.length) : undefined;
}

/** What a topic of presence is about: a member of another topic, or how many clients a node counts there. */
export interface PresenceTopic {
  readonly topic: string;
  readonly member?: string;
  /** Names the node that counts. */
  readonly counter?: string;
}

/** The topic of a member. */
export function memberTopicOf(topic: string, member: string): string {
  return `${presencePrefix}${topic}.${member}`;
}

/** The topic of what a node counts. */
export function countTopicOf(topic: string, counter: string): string {
  return `${presencePrefix}${topic}.${countToken}.${counter}`;
}

/** Whether `topic` leaves room for the topics of its presence. */
export function mayHavePresence(topic: string): boolean {
  // As long as any member, and any counter.
  const isConfusing = topic.startsWith('$') || `.${topic}.`.includes(`.${countToken}.`);
  return !isConfusing && isTopic(countTopicOf(topic, 'x'.repeat(22)));
}

/** Reads a topic of presence; `undefined` for other topics. */
export function presenceTopicOf(topic: string): PresenceTopic | undefined {
  if (!topic.startsWith(presencePrefix)) return undefined;
  const tokens = topic.slice(presencePrefix.length).split('.');
  const last = tokens.pop()!;
  if (tokens.at(-1) !== countToken) return { topic: tokens.join('.'), member: last };
  return { topic: tokens.slice(0, -1).join('.'), counter: last };
}

/**
 * The topics and patterns whose presence a pattern can match, of those that `ruled` patterns say have any: a client has to be
 * able to read them all. Empty if there are none.
 *
 * @returns `undefined` for a pattern of anything else
 */
export function presenceOf(pattern: string, ruled: readonly string[]): readonly string[] | undefined {
  if (!pattern.startsWith(presencePrefix)) return undefined;
  const tokens = pattern.slice(presencePrefix.length).split('.');
  const last = tokens.pop()!;
  const found = [tokens];
  // A wildcard may stand for the token before a counter.
  if (['*', countToken].includes(tokens.at(-1)!)) found.push(tokens.slice(0, -1));
  if (last === '>') found.push([...tokens, '>']);
  const patterns = found.map((each) => each.join('.')).filter((each) => each !== '');
  return patterns.filter((each) => ruled.some((rule) => overlaps(rule, each)));
}
