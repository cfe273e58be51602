import { isWildcard } from '../../contracts/topic.js';
import type { Matcher } from '../kit/matcher.js';
import { changedScript, findScript } from './history-scripts.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';

/** How many topics of wildcards are found, or looked at, by one call: Redis does nothing else meanwhile. */
const mostTopics = 1_000;

/** How many beginnings of wildcards are told apart. */
const mostPrefixes = 256;

/** Topics that may have something after a position. */
export interface FoundTopics {
  /** The sequence of each topic's newest event, as far as it is known. */
  readonly topics: ReadonlyMap<string, number | undefined>;
  /** The wildcards among the patterns have too many topics for that: only the exact ones are found. */
  readonly isPartial: boolean;
  /** After which sequence the feed begins. */
  readonly feedBegins: number;
}

/** Topics by their newest events. */
export interface ChangedTopics {
  readonly topics: readonly (readonly [topic: string, newest: number])[];
  /** There are none after this sequence that are not among them; infinite if there are none at all. */
  readonly through: number;
  /** The index is gone: up to here any topic may have changed. */
  readonly unknown: number;
}

/** The two indexes of some topics. */
export interface TopicIndexes {
  /** Topics by the sequence of their newest event. */
  readonly topics: string;
  /** Topics by name. */
  readonly names: string;
  /** The field of the log that says whether they were ever made; empty if they always were. */
  readonly madeIf: string;
}

/** Which topics patterns mean, from the two indexes: by name, where few begin like them, else by what is new in them. */
export class RedisTopics {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly indexes: TopicIndexes,
  ) {}

  /** One call, whatever the number of patterns. */
  async find(
    epoch: string,
    patterns: readonly string[],
    matcher: Matcher,
    after: number,
  ): Promise<FoundTopics> {
    const { topics, names, madeIf } = this.indexes;
    const keys = [this.keys.log, topics, names, this.keys.feed(epoch)];
    const exact = patterns.filter((pattern) => !isWildcard(pattern));
    const ranges = prefixesOf(patterns.filter(isWildcard)).flatMap(rangeOf);
    const args = [epoch, after, mostTopics, exact.length, madeIf, ...exact, ...ranges];
    const reply = await this.link.run((client) => findScript.run(client, keys, args));
    if (!reply) throw anotherLog();
    const [isPartial, feedBegins, ...rest] = reply as [number, string, ...string[]];
    const found = await matcher.filter(pairs(rest), ([topic]) => topic);
    return {
      topics: new Map(found.map(([topic, newest]) => [topic, newest === '' ? undefined : Number(newest)])),
      isPartial: isPartial === 1,
      feedBegins: Number(feedBegins),
    };
  }

  /** One call: the topics that changed first after a sequence, of those that match. */
  async changed(epoch: string, matcher: Matcher, after: number): Promise<ChangedTopics> {
    const keys = [this.keys.log, this.indexes.topics];
    const reply = await this.link.run((client) =>
      changedScript.run(client, keys, [epoch, after, mostTopics]),
    );
    if (!reply) throw anotherLog();
    const [unknown, ...rest] = reply as [string, ...string[]];
    const found = await matcher.filter(pairs(rest), ([topic]) => topic);
    return {
      topics: found.map(([topic, newest]) => [topic, Number(newest)]),
      through: rest.length < mostTopics * 2 ? Infinity : Number(rest.at(-1)),
      unknown: Number(unknown),
    };
  }
}

/** The log on the server is not the one that is asked for. */
export function anotherLog(): Error {
  return new Error('The log on the server is another one.');
}

/** What the topics of some wildcards begin with: none of it begins with another. */
function prefixesOf(wildcards: readonly string[]): string[] {
  const prefixes: string[] = [];
  for (const prefix of wildcards.map((wildcard) => wildcard.slice(0, wildcard.search(/[*>]/))).sort()) {
    const last = prefixes.at(-1);
    if (last === undefined || !prefix.startsWith(last)) prefixes.push(prefix);
  }
  return prefixes.length > mostPrefixes ? [''] : prefixes;
}

/** What the names that begin with `prefix` lie between. After "~", the last visible character, comes DEL. */
function rangeOf(prefix: string): [low: string, high: string] {
  // The index's mark comes before "!", the first visible character.
  return prefix === '' ? ['[!', '+'] : [`[${prefix}`, `(${prefix}\x7f`];
}

/** Names and scores in turn. The indexes' marks begin with a space, and are nobody's. */
function pairs(reply: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let index = 0; index < reply.length; index += 2)
    if (!reply[index]!.startsWith(' ')) found.push([reply[index]!, reply[index + 1]!]);
  return found;
}
