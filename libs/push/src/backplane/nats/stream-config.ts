import type { StreamConfig } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Retention, RetentionRules } from '../../contracts/retention.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

const day = 86_400_000;
const rememberMessageIds = 120_000;

/** The stream that the log needs, for these rules. */
export function configOf(
  options: NatsBackplaneOptions,
  subjects: Subjects,
  { largest, state }: RetentionRules,
) {
  const perTopic = options.perTopic ?? Math.max(10_000, largest.events * 2);
  const age = ageOf(options, largest);
  return {
    name: subjects.stream,
    subjects: subjects.stored,
    retention: 'limits',
    discard: 'old',
    storage: options.storage ?? 'file',
    num_replicas: options.replicas ?? 1,
    // One more, which is not delivered: it tells up to where a full topic may have lost events.
    max_msgs_per_subject: Math.min(perTopic, 1_000_000_000) + 1,
    // State has no age: where there is some, `NatsSweeper` purges what is old.
    max_age: Number.isFinite(age) && !state ? nanos(age) : 0,
    max_bytes: options.maxBytes ?? -1,
    duplicate_window: nanos(options.rememberMessageIds ?? rememberMessageIds),
  } satisfies Partial<StreamConfig>;
}

/** How long the log remembers what topics no longer promise, in milliseconds. */
export function ageOf({ remember = day }: NatsBackplaneOptions, largest: Retention): number {
  return Math.max(remember, largest.age * 2);
}

const bounded = 'it drops the oldest events when it is full, and so state topics’ states';

/** Why a stream cannot be the log; `undefined` if it can. */
export function misfitOf(
  found: StreamConfig,
  wanted: ReturnType<typeof configOf>,
  state = false,
): string | undefined {
  const subjects = [...found.subjects].sort().join(', ');
  const wantedSubjects = [...wanted.subjects].sort().join(', ');
  if (subjects !== wantedSubjects) return `it has the subjects ${subjects}, not ${wantedSubjects}`;
  if (found.retention !== wanted.retention) return `its retention is "${found.retention}", not "limits"`;
  if (found.discard !== wanted.discard) return `it discards "${found.discard}" events, not "old" ones`;
  if (found.storage !== wanted.storage) return `its storage is "${found.storage}", not "${wanted.storage}"`;
  if (found.sealed) return 'it is sealed';
  if (found.mirror || found.sources?.length) return 'it is a copy of other streams';
  if (state && found.max_bytes > 0) return `${bounded}, max_bytes is ${found.max_bytes}`;
  if (state && found.max_msgs > 0) return `${bounded}, max_msgs is ${found.max_msgs}`;
  if (found.no_ack) return 'it does not acknowledge';
  return undefined;
}

/**
 * Whether what is expected of a subject holds when the message is stored. Servers before 2.9.21 compare before they give it to
 * the other servers, so that of two messages at the same time both can be stored.
 */
export function comparesTogether(
  version: string,
  { num_replicas: replicas }: Pick<StreamConfig, 'num_replicas'>,
): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => parseInt(part, 10));
  return replicas <= 1 || ([major - 2, minor - 9, patch - 21].find((part) => part !== 0) ?? 0) >= 0;
}

/** What `comparesTogether` found, for people. */
export function raceIn(
  version: string,
  { num_replicas: replicas }: Pick<StreamConfig, 'num_replicas'>,
): string {
  return `it has ${replicas} replicas, of which NATS ${version} stores two events that expect the same one; take 2.9.21 or later`;
}

/** The limits of a stream that are too low, as they should be; `undefined` if none is. Limits are never lowered. */
export function growthOf(
  found: StreamConfig,
  wanted: ReturnType<typeof configOf>,
): Partial<StreamConfig> | undefined {
  const growth: Partial<StreamConfig> = {};
  if (found.max_msgs_per_subject > 0 && found.max_msgs_per_subject < wanted.max_msgs_per_subject)
    growth.max_msgs_per_subject = wanted.max_msgs_per_subject;
  if (found.max_age > 0 && (wanted.max_age === 0 || found.max_age < wanted.max_age))
    growth.max_age = wanted.max_age;
  if (found.duplicate_window < wanted.duplicate_window) growth.duplicate_window = wanted.duplicate_window;
  return Object.keys(growth).length > 0 ? growth : undefined;
}

/** How many events of a subject the stream keeps; infinite if it does not count them. */
export function keptOf({ max_msgs_per_subject: most }: StreamConfig): number {
  return most > 0 ? most : Infinity;
}
