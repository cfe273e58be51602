import type { Access } from '../access/access-rules.js';
import type { DeclaredPolicy } from '../access/application-classes.js';
import { parametersOf } from '../contracts/parameters.js';
import type { PresenceOptions } from '../contracts/presence.js';
import type { PayloadSchema } from '../contracts/payload-schema.js';
import type { Retention } from '../contracts/retention.js';
import { covers } from '../contracts/topic.js';
import { schemasOf, type DeclaredSchemas } from '../contracts/topic-schemas.js';
import type { TopicDocumentation } from '../contracts/topic-documentation.js';

/** A rule of the application, as far as documents tell of it. */
export interface DocumentedRule {
  readonly pattern: string;
  readonly access?: Access;
  readonly retention?: Partial<Retention>;
  readonly state?: boolean;
  readonly finite?: boolean;
  readonly ttl?: number;
  readonly presence?: boolean | PresenceOptions;
  readonly documentation?: TopicDocumentation;
}

/** What the application declares about topics. */
export interface Declarations {
  readonly topics: readonly DocumentedRule[];
  readonly policies: readonly DeclaredPolicy[];
  /** The patterns of `@PushSnapshot()` methods. */
  readonly snapshots: readonly string[];
  readonly schemas: readonly DeclaredSchemas[];
}

/** The topics of one pattern, which clients may read or publish. */
export interface TopicChannel {
  /** The pattern with `*` in place of each parameter. */
  readonly pattern: string;
  /** The pattern, as it was declared: more than once if its tokens have names in some places only. */
  readonly declared: readonly [string, ...string[]];
  readonly rule: DocumentedRule | undefined;
  readonly documentation: TopicDocumentation;
  /** Clients may read the topics: all, those with a principal, that of the same id, or those that a policy lets. */
  readonly readers: Access | 'policy' | undefined;
  /** The policies that may let clients publish. */
  readonly publishing: readonly DeclaredPolicy[];
  /** What clients say of themselves where they are present. */
  readonly presence: PayloadSchema | undefined;
  readonly hasSnapshots: boolean;
}

/**
 * The channels of an application: one for each pattern of a rule, of a policy, and of a snapshot; rules in their order, then the
 * others by name. Topics that no client may read or publish are the server's own, and are left out.
 */
export function topicChannels(declarations: Declarations): TopicChannel[] {
  const { topics, policies, snapshots } = declarations;
  const declared = new Map<string, [string, ...string[]]>();
  const add = (pattern: string) => {
    const { wide } = parametersOf(pattern);
    declared.set(wide, [...(declared.get(wide) ?? []), pattern] as [string, ...string[]]);
  };
  for (const { pattern } of topics) add(pattern);
  const others = [...policies.map((policy) => policy.declared), ...snapshots];
  for (const pattern of others.toSorted()) add(pattern);
  return [...declared.entries()]
    .map(([pattern, names]) => channelOf(pattern, names, declarations))
    .filter(isVisible);
}

function channelOf(
  pattern: string,
  declared: [string, ...string[]],
  { topics, policies, snapshots, schemas }: Declarations,
): TopicChannel {
  const isWithin = (other: { readonly pattern: string }) => covers(parametersOf(other.pattern).wide, pattern);
  const own = ({ pattern: other }: { readonly pattern: string }) => parametersOf(other).wide === pattern;
  // Of several rules that match, the first holds.
  const rule = topics.find(isWithin);
  const deciding = policies.filter(isWithin);
  const { event, publish = event, snapshot, presence } = schemasOf(schemas, pattern) ?? {};
  const known = { ...(event && { payload: event }), ...(snapshot && { snapshot }) };
  const isPolicys = deciding.some(({ policy }) => policy.canSubscribe);
  const documented = [
    ...topics.filter(own),
    ...policies.filter(own),
    ...topics.filter(isWithin),
    ...deciding,
  ];
  return {
    pattern,
    declared,
    rule,
    documentation: { ...known, ...documented.find(({ documentation }) => documentation)?.documentation },
    readers: rule?.access ?? (isPolicys ? 'policy' : undefined),
    publishing: deciding
      .filter(({ policy }) => policy.canPublish)
      .map((each) => ({ ...each, payload: each.payload ?? publish })),
    presence: deciding.find(({ presence }) => presence)?.presence ?? presence,
    hasSnapshots: snapshots.some((each) => covers(parametersOf(each).wide, pattern)),
  };
}

function isVisible({ readers, publishing, documentation }: TopicChannel): boolean {
  return !documentation.hidden && (readers !== undefined || publishing.length > 0);
}
