import type { RetentionRules, TopicRetention } from '../contracts/retention.js';

const hour = 3_600_000;

/** How long the suite's brief topics keep their ends and removals, in milliseconds. */
export const briefTtl = 600;

const kept = { events: 5, age: hour };
const finite: TopicRetention = { ...kept, ends: { ttl: hour, tombstones: hour } };
/** Events are gone soon; ends and removals are not. */
const aging: TopicRetention = { ...finite, age: 300 };
/** Ends and removals are gone soon too. */
const brief: TopicRetention = { events: 5, age: 300, ends: { ttl: briefTtl, tombstones: briefTtl } };

/**
 * The rules of the suite's tests of ends: "ends.>" are finite topics that keep five events, as others do. Events of
 * "ends.aging.>" are old after 300 ms; the ends and removals of "ends.brief.>" are so after 600 ms.
 */
export const endsSuiteRules: RetentionRules = {
  of(topic) {
    if (!topic.startsWith('ends.')) return kept;
    if (topic.startsWith('ends.aging.')) return aging;
    return topic.startsWith('ends.brief.') ? brief : finite;
  },
  largest: kept,
  hasEnds: true,
};
