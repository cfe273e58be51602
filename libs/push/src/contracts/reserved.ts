import type { StateRetention } from './retention.js';
import { isTopic, overlaps } from './topic.js';

/*
 * The reserved topics that nodes write, for what they own. All are state topics. They have rules of their own, outside of the
 * application's bounds: what there is of them is bounded by the connections of the nodes.
 */

const leasePrefix = '$lease.';
const presencePrefix = '$presence.';
const runPrefix = '$run.';
const groupPrefix = '$group.';
const dashboardPrefix = '$dashboard.';
const countToken = '$count';
const nodeToken = 'node';
const deadToken = 'dead';

/** How long their removals are remembered, in milliseconds. */
const tombstones = 60_000;

/** The leases of all nodes. */
export const leasePattern = `${leasePrefix}>`;

/** What nodes own of presence. */
export const presencePattern = `${presencePrefix}>`;

/** The runs of nodes. */
export const runPattern = `${runPrefix}>`;

/** The groups of handlers: where they begin, their nodes, their partitions, their dead letters. */
export const groupPattern = `${groupPrefix}>`;

/** What an application's rule for some topics makes of them. */
interface Ruled {
  readonly presence?: unknown;
  readonly finite?: boolean;
}

/**
 * The rules of the topics that nodes own. Only an application that uses them has any.
 *
 * @param hasGroups whether it has groups of handlers
 */
export function ownedRules(rules: readonly Ruled[], hasGroups: boolean): readonly StateRetention[] {
  const patterns = [
    ...(rules.some(({ presence }) => presence) ? [presencePattern] : []),
    ...(rules.some(({ finite }) => finite) ? [runPattern] : []),
    ...(hasGroups ? [groupPattern] : []),
  ];
  if (patterns.length > 0) patterns.unshift(leasePattern);
  return patterns.map((pattern) => ({ pattern, tombstones }));
}

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

/** The topic of the run that writes `topic`. It exists only while that runs. */
export function runTopicOf(topic: string): string {
  return runPrefix + topic;
}

/** The topic that a run writes; `undefined` for other topics. */
export function topicOfRun(topic: string): string | undefined {
  return topic.startsWith(runPrefix) ? topic.slice(runPrefix.length) : undefined;
}

/** Whether `topic` leaves room for the topic of its run. */
export function mayRun(topic: string): boolean {
  return !topic.startsWith('$') && isTopic(runTopicOf(topic));
}

/** What a topic of a group of handlers is about. */
export type GroupTopic = { readonly group: string } & (
  | { readonly kind: 'start' }
  | { readonly kind: 'node'; readonly incarnation: string }
  | { readonly kind: 'partition'; readonly partition: number }
  | { readonly kind: 'dead' }
);

/** The topic that says where a group begins. */
export function groupTopicOf(group: string): string {
  return groupPrefix + group;
}

/** The topic by which a node says that it is in a group, and how far it has come. */
export function groupNodeTopicOf(group: string, incarnation: string): string {
  return `${groupPrefix}${group}.${nodeToken}.${incarnation}`;
}

/** The topic of a partition of a group. */
export function groupPartitionTopicOf(group: string, partition: number): string {
  return `${groupPrefix}${group}.${partition}`;
}

/** The topic of an event that a handler of a group could not handle. @param handler as one token */
export function deadLetterTopicOf(group: string, event: string, handler: string): string {
  return `${groupPrefix}${group}.${deadToken}.${event}.${handler}`;
}

/** Reads a topic of a group; `undefined` for other topics, and for those of later versions. */
export function readGroupTopic(topic: string): GroupTopic | undefined {
  if (!topic.startsWith(groupPrefix)) return undefined;
  const [group, part, name] = topic.slice(groupPrefix.length).split('.') as [string, string?, string?];
  if (part === undefined) return { group, kind: 'start' };
  if (part === deadToken) return { group, kind: 'dead' };
  if (part === nodeToken && name !== undefined) return { group, kind: 'node', incarnation: name };
  return /^\d+$/.test(part) ? { group, kind: 'partition', partition: Number(part) } : undefined;
}

/** The topic of what nodes tell a view of the dashboard. Its events are never stored. */
export function viewTopicOf(view: string): string {
  return dashboardPrefix + view;
}

/** The view that a topic is for; `undefined` for other topics. */
export function viewOf(topic: string): string | undefined {
  return topic.startsWith(dashboardPrefix) ? topic.slice(dashboardPrefix.length) : undefined;
}

/**
 * Whether a pattern can match what nodes tell the dashboard. No client may read that, whatever rules and policies say: the
 * dashboard has a route and a guard of its own.
 */
export function isOfDashboard(pattern: string): boolean {
  return pattern === '$dashboard' || pattern.startsWith(dashboardPrefix);
}

/** The patterns of an application's rules, by what they give their topics. */
export interface RuledPatterns {
  readonly presence: readonly string[];
  readonly finite: readonly string[];
}

/**
 * The topics and patterns that a reserved pattern is about, as far as rules give them presence or runs. A client that may read all of
 * them may read it.
 * Empty if there are none.
 *
 * @returns `undefined` for a pattern that is about no other topics
 */
export function subjectsOf(
  pattern: string,
  { presence, finite }: RuledPatterns,
): readonly string[] | undefined {
  const about = topicOfRun(pattern);
  if (about === undefined) return presenceOf(pattern, presence);
  return finite.some((rule) => overlaps(rule, about)) ? [about] : [];
}
