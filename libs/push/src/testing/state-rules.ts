import type { RetentionRules } from '../contracts/retention.js';
import { covers, overlaps } from '../contracts/topic.js';

/** How long removals are kept: an hour, but those of "state.brief.>" for half a second. */
const tombstones = { 'state.brief.>': 500, 'state.>': 3_600_000 };
const patterns = Object.keys(tombstones) as (keyof typeof tombstones)[];
const kept = { events: 5, age: 3_600_000 };

/** The rules of the suite's tests of state: "state.>" are state topics, and others keep five events. */
export const stateSuiteRules: RetentionRules = {
  of(topic) {
    const pattern = patterns.find((each) => covers(each, topic));
    if (!pattern) return kept;
    return { events: 1, age: Infinity, state: { pattern, tombstones: tombstones[pattern] } };
  },
  largest: kept,
  state: {
    rules: patterns.map((pattern) => ({ pattern, tombstones: tombstones[pattern] })),
    among(pattern) {
      if (!overlaps('state.>', pattern)) return 'none';
      return covers('state.>', pattern) ? 'all' : 'some';
    },
    bytes: 64 * 1024 * 1024,
  },
};
