import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { covers, overlaps } from '../contracts/topic.js';
import { encodeToken } from '../contracts/topic-tag.js';
import { parametersOf, type ParameterPattern } from './parameters.js';

/**
 * Who may subscribe to a topic by asking for it:
 *
 * - `public`: everyone
 * - `authenticated`: everyone whom the authenticator knows
 * - `self`: the principal whose id stands where the pattern has its parameter. `users.:id.>` gives each user its own; an
 *   id that is no token of a topic stands there as `encodeToken` writes it
 */
export type Access = 'public' | 'authenticated' | 'self';

/** Says who may read the topics that match `pattern`. */
export interface AccessRule {
  /** A topic pattern. A token `:name` stands for any one token, as `*` does. */
  readonly pattern: string;
  /** Default: no client, unless a policy grants it. A rule without `access` also keeps a later, wider one from granting. */
  readonly access?: Access;
}

interface Rule {
  readonly wide: string;
  readonly access: Access | undefined;
  /** Where the principal's id stands, for `self`. */
  readonly own: number;
}

const kinds: readonly unknown[] = ['public', 'authenticated', 'self', undefined];

/**
 * The application's rules, in order. Every rule that shares a topic with what is asked for has to grant it, up to the first
 * that covers it: so an earlier, narrower rule always holds for its own topics, also within a wildcard.
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

  /** Whether one of them asks who the client is. */
  get needsPrincipals(): boolean {
    return this.rules.some(({ access }) => access === 'authenticated' || access === 'self');
  }

  /** Whether they grant all that `pattern` can match. */
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
 * The rules as the hub wants them, which knows of no parameters.
 *
 * @throws PushError `INVALID_OPTION`, which names the rule
 */
export function withoutParameters<Each extends { readonly pattern: string }>(rules: readonly Each[]): Each[] {
  return rules.map((rule, index) => ({ ...rule, pattern: patternOf(rule.pattern, index).wide }));
}

/** Whether a rule grants what it shares with `pattern`. */
function grants({ access, own }: Rule, principal: Principal | undefined, pattern: string): boolean {
  if (access === 'public') return true;
  if (access === undefined || !principal) return false;
  if (access === 'authenticated') return true;
  const token = ownToken(principal);
  return token !== undefined && pattern.split('.')[own] === token;
}

/** How a principal's id stands in its topics; `undefined` for one that cannot. */
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
