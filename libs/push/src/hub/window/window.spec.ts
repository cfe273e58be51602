import { TopicSet } from '../topics/topic-set.js';
import { forEver, Log } from '../../../test/models/window-log.js';

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
