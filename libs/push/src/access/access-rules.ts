import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { covers, overlaps } from '../contracts/topic.js';
import { encodeToken } from '../contracts/topic-tag.js';
import { parametersOf, type ParameterPattern } from '../contracts/parameters.js';

/**
 * Which clients may subscribe to a topic:
 *
 * - `public`: all clients
 * - `authenticated`: all clients with a principal
 * - `self`: the principal whose id is in the place of the pattern's parameter. `users.:id.>` gives each user its own topics.
 *   An id that is not a valid token of a topic is encoded there, as by `encodeToken`
 */
export type Access = 'public' | 'authenticated' | 'self';

/** Grants clients the topics that match `pattern`. */
export interface AccessRule {
  /** A topic pattern. A token `:name` matches any one token, as `*` does. */
  readonly pattern: string;
  /** Default: no client, unless a policy grants it. A rule without `access` also keeps a later, wider one from granting. */
  readonly access?: Access;
}

interface Rule {
  readonly wide: string;
  readonly access: Access | undefined;
  /** For `self`: the index of the token that is the principal's id. */
  readonly own: number;
}

const kinds: readonly unknown[] = ['public', 'authenticated', 'self', undefined];

/**
 * The application's rules, in order. A requested pattern is granted if every rule that overlaps it grants it, up to the first
 * rule that covers it. So an earlier, narrower rule always holds for its own topics, even inside a wildcard.
 */
export class AccessRules {
  private readonly rules: readonly Rule[];

  /** @throws PushError `INVALID_OPTION`, which names the rule */
  constructor(rules: readonly AccessRule[]) {
    this.rules = rules.map(read);
  }

  /** How many there are. */
  get size(): number {
    return this.rules.length;
  }

  /** Whether a rule depends on the principal. */
  get needsPrincipals(): boolean {
    return this.rules.some(({ access }) => access === 'authenticated' || access === 'self');
  }

  /** Whether the rules grant every topic that `pattern` can match. */
  grant(principal: Principal | undefined, pattern: string): boolean {
    for (const rule of this.rules) {
      if (!overlaps(rule.wide, pattern)) continue;
      if (!grants(rule, principal, pattern)) return false;
      if (covers(rule.wide, pattern)) return true;
    }
    return false;
  }
}

/**
 * The rules for the hub, with `*` in place of each parameter.
 *
 * @throws PushError `INVALID_OPTION`, which names the rule
 */
export function withoutParameters<Each extends { readonly pattern: string }>(rules: readonly Each[]): Each[] {
  return rules.map((rule, index) => ({ ...rule, pattern: patternOf(rule.pattern, index).wide }));
}

/** Whether a rule grants the topics that it has in common with `pattern`. */
function grants({ access, own }: Rule, principal: Principal | undefined, pattern: string): boolean {
  if (access === 'public') return true;
  if (access === undefined || !principal) return false;
  if (access === 'authenticated') return true;
  const token = ownToken(principal);
  return token !== undefined && pattern.split('.')[own] === token;
}

/** The principal's id as a token of a topic; `undefined` if it cannot be one. */
function ownToken({ id }: Principal): string | undefined {
  try {
    return encodeToken(id);
  } catch {
    return undefined;
  }
}

function read({ pattern, access }: AccessRule, index: number): Rule {
  const { wide, names } = patternOf(pattern, index);
  if (!kinds.includes(access)) {
    const given = JSON.stringify(access);
    throw refusal(pattern, index, `access is "public", "authenticated" or "self"; ${given} is none of them.`);
  }
  if (access === 'self' && names.filter((name) => name !== undefined).length !== 1)
    throw refusal(
      pattern,
      index,
      'access "self" needs one parameter, for the principal\'s id: "users.:id.>".',
    );
  return { wide, access, own: names.findIndex((name) => name !== undefined) };
}

function patternOf(pattern: string, index: number): ParameterPattern {
  try {
    return parametersOf(pattern);
  } catch (error) {
    throw refusal(pattern, index, (error as Error).message, error);
  }
}

function refusal(pattern: string, index: number, reason: string, cause?: unknown): PushError {
  return new PushError('INVALID_OPTION', `topics[${index}] (${JSON.stringify(pattern)}): ${reason}`, {
    cause,
  });
}
