import { array, assert, constantFrom, integer, nat, oneof, property, record } from 'fast-check';
import { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import { TopicSet } from '../topics/topic-set.js';
import type { WindowOptions } from './window-options.js';
import { Window } from './window.js';

const forEver = { events: Infinity, age: Infinity };

/** Everything at once. */
const unlimited = { bytes: Infinity, entries: Infinity };

/** A window that is filled in log order. */
class Log {
  time = 0;
  sequence = 0;
  readonly window: Window;

  constructor(options: Partial<WindowOptions> = {}) {
    this.window = new Window({
      retentionOf: () => forEver,
      bytes: Infinity,
      emptyTopics: 100,
      now: () => this.time,
      ...options,
    });
  }

  add(topic: string, data = '1'): LogEvent {
    const event = new LogEvent('log', ++this.sequence, { topic, data });
    this.window.add(event);
    return event;
  }

  /** The sequences of what is retained. */
  read(...patterns: string[]): number[] {
    return this.window
      .read(new TopicSet(patterns), 0, Infinity, unlimited)
      .events.map(({ sequence }) => sequence);
  }
}

describe('The window', () => {
  it('keeps the newest events of each topic, by the rule of the topic', () => {
    const two = { events: 2, age: Infinity };
    const log = new Log({ retentionOf: (topic) => (topic === 'a' ? two : forEver) });
    for (const topic of ['a', 'b', 'a', 'a', 'b', 'b']) log.add(topic);
    expect(log.read('>')).toEqual([2, 3, 4, 5, 6]);
    expect(log.window.lostThrough('a')).toBe(1);
    expect(log.window.lostThrough('b')).toBe(0);
    expect(log.window.lostThrough('*')).toBe(1);
    expect(log.window).toMatchObject({ events: 5, knownTopics: 2, head: 6 });
  });

  it('keeps nothing of a topic whose rule says so, but knows that something was there', () => {
    const log = new Log({ retentionOf: () => ({ events: 0, age: Infinity }) });
    log.add('a');
    expect(log.read('a')).toEqual([]);
    expect(log.window.lostThrough('a')).toBe(1);
    expect(log.window).toMatchObject({ events: 0, knownTopics: 1, head: 1 });
    expect(log.window.bytes).toBeGreaterThan(0);
  });

  it('lets go of what is too old, by the rule of the topic, and says when to look again', () => {
    const [short, long] = [
      { events: 9, age: 100 },
      { events: 9, age: 1_000 },
    ];
    const log = new Log({ retentionOf: (topic) => (topic === 'long' ? long : short) });
    expect(log.window.expire()).toBeUndefined();
    log.add('long');
    log.time = 50;
    log.add('short');
    log.time = 60;
    log.add('brief');
    expect(log.window.expire()).toBe(90);
    log.time = 150;
    expect(log.window.expire()).toBe(10);
    expect(log.read('>')).toEqual([1, 3]);
    log.time = 160;
    expect(log.window.expire()).toBe(840);
    log.time = 1_000;
    expect(log.window.expire()).toBeUndefined();
    expect([log.window.events, log.window.knownTopics]).toEqual([0, 3]);
    expect(log.window.lostThrough('>')).toBe(3);
  });

  it('never expires what is kept for ever', () => {
    const log = new Log();
    log.add('a');
    log.time = Number.MAX_SAFE_INTEGER;
    expect(log.window.expire()).toBeUndefined();
    expect(log.read('a')).toEqual([1]);
  });

  it('takes the memory for a chatty topic from the chatty topic', () => {
    const log = new Log({ bytes: 100_000 });
    for (let count = 0; count < 20; count++) log.add('quiet');
    for (let count = 0; count < 10_000; count++) log.add('chatty', '"some text"');
    expect(log.read('quiet')).toHaveLength(20);
    expect(log.window.lostThrough('quiet')).toBe(0);
    expect(log.window.lostThrough('chatty')).toBeGreaterThan(9_000);
    expect(log.window.bytes).toBeLessThanOrEqual(100_000);
    expect(log.window.bytes).toBeGreaterThan(99_000);
  });

  it('does not keep an event that is larger than all it may hold', () => {
    const log = new Log({ bytes: 10_000 });
    log.add('b');
    log.add('a', '"'.padEnd(20_000));
    expect(log.read('>')).toEqual([1]);
    expect(log.window.lostThrough('a')).toBe(2);
  });

  it('forgets topics without events, the longest idle first, and then is careful about them', () => {
    const log = new Log({ retentionOf: () => ({ events: 1, age: 10 }), emptyTopics: 2 });
    for (const topic of ['a.1', 'a.2', 'a.3', 'b']) log.add(topic);
    log.time = 10;
    log.window.expire();
    expect(log.window.knownTopics).toBe(2);
    expect(log.window.lostThrough('a.1')).toBe(2);
    expect(log.window.lostThrough('a.2')).toBe(2);
    expect(log.window.lostThrough('a.3')).toBe(3);
    expect(log.window.lostThrough('b')).toBe(4);
    log.add('a.3');
    log.add('c');
    log.time = 20;
    log.window.expire();
    expect(log.window.knownTopics).toBe(2);
    expect(log.window.lostThrough('b')).toBe(4);
    expect(log.window.lostThrough('a.3')).toBe(5);
    log.add('a.1');
    expect(log.read('a.1')).toEqual([7]);
  });

  it('that starts over knows nothing up to there', () => {
    const log = new Log();
    log.add('a');
    log.window.reset(50);
    expect(log.window).toMatchObject({ events: 0, bytes: 0, knownTopics: 0, head: 50 });
    expect(['a', 'b', '>'].map((pattern) => log.window.lostThrough(pattern))).toEqual([50, 50, 50]);
    log.sequence = 50;
    log.add('a');
    expect(log.read('a')).toEqual([51]);
  });

  it('reads in pages of at least one event', () => {
    const log = new Log();
    const topics = new TopicSet(['a', 'b.*']);
    for (const topic of ['a', 'b.1', 'c', 'b.2', 'a']) log.add(topic, '"'.padEnd(100));
    const page = (after: number, through: number, bytes: number) =>
      log.window
        .read(topics, after, through, { bytes, entries: Infinity })
        .events.map(({ sequence }) => sequence);
    expect(page(0, 5, 1)).toEqual([1]);
    expect(page(0, 5, 150)).toEqual([1, 2]);
    expect(page(2, 5, 1_000)).toEqual([4, 5]);
    expect(page(2, 4, 1_000)).toEqual([4]);
    expect(page(5, 9, 1_000)).toEqual([]);
  });
});

describe('Very many topics', () => {
  it('with one event each, a million of them, leave bounded memory', () => {
    const log = new Log({
      retentionOf: (topic) => (topic.endsWith('0') ? brief : one),
      bytes: 16 * 1024 * 1024,
      emptyTopics: 1_000,
    });
    const brief = { events: 10, age: 1_000 };
    const one = { events: 10, age: 10_000 };
    for (let count = 0; count < 1_000_000; count++) {
      log.add(`user.${count}`);
      if (count % 1_000 === 0) {
        log.time++;
        log.window.expire();
      }
    }
    expect(log.window.bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(log.window.events).toBeGreaterThan(10_000);
    expect(log.window.knownTopics).toBeLessThanOrEqual(log.window.events + 1_000);
    expect(log.read('user.999999', 'user.0')).toEqual([1_000_000]);
    expect(log.window.lostThrough('user.0')).toBeGreaterThan(0);
    log.time += 10_000;
    log.window.expire();
    expect([log.window.events, log.window.knownTopics]).toEqual([0, 1_000]);
    expect(log.window.bytes).toBeLessThan(1_000 * 1_000);
  }, 30_000);

  it('are remembered up to a number if they keep nothing', () => {
    const log = new Log({ retentionOf: () => ({ events: 0, age: 0 }), emptyTopics: 50_000 });
    for (let count = 0; count < 200_000; count++) log.add(`user.${count}`);
    expect([log.window.events, log.window.knownTopics]).toEqual([0, 50_000]);
    expect(log.window.lostThrough('user.199999')).toBe(200_000);
    expect(log.window.lostThrough('user.0')).toBe(150_000);
  }, 30_000);
});

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
