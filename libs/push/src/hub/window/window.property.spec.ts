import { array, assert, constantFrom, integer, nat, oneof, property, record } from 'fast-check';
import type { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import { TopicSet } from '../topics/topic-set.js';
import { forEver, Log, unlimited } from '../../../test/models/window-log.js';

/*
 * The window against the plain truth: a list of all events, and of each topic the newest `events` that are younger than
 * `age`, as of the last expiry.
 */
const rules = [
  { events: 3, age: 20 },
  { events: 1, age: Infinity },
  { events: 100, age: 50 },
  { events: 0, age: 10 },
];
const topics = ['a', 'a.1', 'a.2', 'b.1', 'b.2', 'c.1.1', 'd'];
const ruleOf = (topic: string) => rules[topics.indexOf(topic) % rules.length] ?? forEver;
const patterns = [...topics, 'never', '*', '>', 'a.*', '*.1', 'a.>', 'c.*.*'];
const steps = array(
  oneof(
    { weight: 8, arbitrary: record({ topic: constantFrom(...topics), wait: nat(2) }) },
    { weight: 1, arbitrary: record({ wait: nat(30) }) },
  ),
  { maxLength: 120 },
);

class Truth {
  readonly log = new Log({ retentionOf: ruleOf, emptyTopics: 100 });
  private events: { event: LogEvent; time: number }[] = [];
  readonly lost = new Map<string, number>();

  add(topic: string): void {
    this.events.push({ event: this.log.add(topic), time: this.log.time });
    const own = this.events.filter(({ event }) => event.topic === topic);
    if (own.length > ruleOf(topic).events) this.drop(own[0]!.event);
  }

  /** An event that stays. */
  keep(topic: string): void {
    this.events.push({ event: this.log.add(topic), time: this.log.time });
  }

  expire(): void {
    for (const { event, time } of this.events) {
      if (time + ruleOf(event.topic).age <= this.log.time) this.drop(event);
    }
    this.log.window.expire();
  }

  read(patterns: readonly string[], after: number, through: number): LogEvent[] {
    return this.events
      .map(({ event }) => event)
      .filter(({ topic }) => patterns.some((pattern) => covers(pattern, topic)))
      .filter(({ sequence }) => sequence > after && sequence <= through);
  }

  lostThrough(pattern: string): number {
    return Math.max(0, ...[...this.lost].map(([topic, lost]) => (covers(pattern, topic) ? lost : 0)));
  }

  private drop(gone: LogEvent): void {
    this.events = this.events.filter(({ event }) => event !== gone);
    this.lost.set(gone.topic, gone.sequence);
  }
}

describe('Whatever is published', () => {
  it.each([
    ['few topics', 0],
    // So many that wildcards are answered by a walk through the log.
    ['many topics', 600],
  ])('is read as it is retained, among %s', (_, others) => {
    assert(
      property(
        steps,
        array(constantFrom(...patterns), { maxLength: 3 }),
        nat(120),
        nat(120),
        nat(120),
        integer({ min: 1, max: 5 }),
        (steps, wanted, after, more, asked, count) => {
          const truth = new Truth();
          const { window } = truth.log;
          for (let count = 0; count < others; count++) truth.keep(`a.other${count}`);
          for (const step of steps) {
            truth.log.time += step.wait;
            if ('topic' in step) truth.add(step.topic);
            else truth.expire();
          }
          const set = new TopicSet(wanted);
          const through = after + more + others;
          const asOf = asked + others;
          const expected = truth.read(wanted, after, through);
          expect(sequences(window.read(set, after, through, unlimited).events)).toEqual(sequences(expected));
          const all = truth.read(wanted, 0, asOf);
          const newest = expected.filter((event) =>
            all
              .filter(({ topic }) => topic === event.topic)
              .slice(-count)
              .includes(event),
          );
          const read = window.readNewest(set, { count, asOf }, after, through, unlimited).events;
          expect(sequences(read)).toEqual(sequences(newest));
          const newer = expected.filter(({ sequence }) => sequence > asOf);
          expect(expected.filter((event) => !window.isOutdated(event, { count, asOf }))).toEqual([
            ...newest,
            ...newer,
          ]);
          for (const pattern of patterns)
            expect(window.lostThrough(pattern)).toBe(truth.lostThrough(pattern));
        },
      ),
    );
  });
});

function sequences(events: readonly LogEvent[]): number[] {
  return events.map(({ sequence }) => sequence);
}
