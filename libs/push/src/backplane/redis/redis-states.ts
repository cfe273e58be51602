import type { HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import { isWildcard, overlaps } from '../../contracts/topic.js';
import type { Matcher } from '../kit/matcher.js';
import { mergePages } from '../kit/merge-pages.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLists } from './redis-lists.js';
import { RedisNewest } from './redis-newest.js';
import { anotherLog, RedisTopics } from './redis-topics.js';
import { goneScript } from './tombstone-scripts.js';

/** Reads state topics: of each its newest event, by an index of their own. Only removals that were dropped are lost. */
export class RedisStates {
  private readonly topics: RedisTopics;
  private readonly newest: RedisNewest;
  private readonly earlier: RedisNewest;

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    lists: RedisLists,
    private readonly others: RedisTopics,
  ) {
    const { states, stateNames } = keys;
    this.topics = new RedisTopics(link, keys, { topics: states, names: stateNames, madeIf: 'states' });
    this.newest = new RedisNewest(this.topics, lists);
    this.earlier = new RedisNewest(others, lists);
  }

  async page(epoch: string, query: HistoryQuery, matcher: Matcher): Promise<HistoryPage> {
    const { topics, after } = query;
    const ask = async (index: RedisTopics, newest: RedisNewest) =>
      newest.page(epoch, query, matcher, await index.find(epoch, topics, matcher, after));
    const states = await ask(this.topics, this.newest);
    // What was published before a rule made its topic a state topic is in the index of the others.
    const { events, through } = await ask(this.others, this.earlier);
    const page = mergePages([states, { events, through, lost: new Map() }], query.limit);
    if (query.newest !== undefined) return page;
    const lost = new Map([...page.lost, ...(await this.gone(epoch, query))]);
    for (const [topic, sequence] of states.missing) matcher.addLoss(lost, topic, sequence);
    return { ...page, lost };
  }

  /** Patterns of which removals were dropped, or of which it is not known. */
  private async gone(epoch: string, { topics, after }: HistoryQuery): Promise<[string, number][]> {
    const { log, states } = this.keys;
    const exact = topics.filter((topic) => !isWildcard(topic));
    const reply = await this.link.run((client) => goneScript.run(client, [log, states], [epoch, ...exact]));
    if (!reply) throw anotherLog();
    const [unknown, floors, ...isThere] = reply as [string, string, ...string[]];
    const present = new Set(exact.filter((_, index) => isThere[index] === '1'));
    const rules = [...floors.matchAll(/(\S+) (\d+) /g)].map(
      ([, pattern, floor]) => [pattern!, Number(floor)] as const,
    );
    return topics.flatMap((topic) => {
      if (present.has(topic)) return [];
      const known = rules.filter(([pattern]) => pattern === '>' || overlaps(pattern, topic));
      const sequence = Math.max(Number(unknown), ...known.map(([, floor]) => floor));
      return sequence > after ? [[topic, sequence] as [string, number]] : [];
    });
  }
}
