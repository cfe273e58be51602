import { isReserved } from '../../contracts/topic.js';
import type { Hub } from '../../hub/hub.js';
import type { Steps } from '../../hub/replay/stepped-work.js';
import type { TopicHistory } from '../../hub/window/topic-history.js';
import { BestRows } from './best-rows.js';
import type { TopicFilter } from './look.js';
import { topicMatch } from './text-match.js';

/** How many rows a list has. */
const mostRows = 50;

/** How many topics are looked at in a step. */
const topicsInStep = 128;

/** The topics that a node knows. */
export interface TopicList {
  readonly total: number;
  readonly matched: number;
  readonly list: readonly {
    readonly topic: string;
    /** In this node's memory. */
    readonly events: number;
    readonly bytes: number;
    /** The pattern of the rule that holds for it; `null` if none does. */
    readonly rule: string | null;
  }[];
}

interface Found {
  readonly history: TopicHistory;
  readonly newest: number;
}

/**
 * Lists the topics that a filter lets through, those with the newest events first. Reserved ones are among them only if the filter
 * begins with `$`.
 */
export function* topicList(hub: Hub, { pattern }: TopicFilter): Steps<TopicList> {
  const best = new BestRows<Found>(mostRows, (one, other) => other.newest - one.newest);
  const matches = topicMatch(pattern);
  const withReserved = pattern?.startsWith('$') ?? false;
  let total = 0;
  let matched = 0;
  for (const history of hub.topics) {
    const { topic, entries } = history;
    total++;
    if ((withReserved || !isReserved(topic)) && (!matches || matches(topic))) {
      matched++;
      best.add({ history, newest: entries.last?.sequence ?? 0 });
    }
    if (total % topicsInStep === 0) yield topicsInStep / 2;
  }
  const list = best.list.map(({ history: { topic, entries, bytes } }) => ({
    topic,
    events: entries.length,
    bytes,
    rule: ruleOf(hub, topic),
  }));
  return { total, matched, list };
}

/** The pattern of the application's rule that holds for a topic. */
export function ruleOf({ counts }: Hub, topic: string): string | null {
  const index = counts.ruleOf(topic);
  // The last two are no rules.
  return index < counts.rules.length - 2 ? counts.rules[index]! : null;
}
