import fc from 'fast-check';
import { LogEvent } from '../../contracts/event.js';
import { MemoryNode } from '../../../test/models/memory-node.js';
import { heldBytes } from './held-bytes.js';
import { TopicSet } from '../topics/topic-set.js';
import { Window } from './window.js';

const forEver = { events: Infinity, age: Infinity };
const unlimited = { bytes: Infinity, entries: Infinity };

function event(sequence: number, topic: string, publisher?: string, size = 1_000): LogEvent {
  return new LogEvent('log', sequence, { topic, data: `"${'x'.repeat(size)}"`, publisher });
}

/** So many of the events above fit into a share. */
const share = (events: number) => events * heldBytes(event(1, 'a'));

function windowOf(events: readonly LogEvent[], bytesPerPublisher: number): Window {
  const window = new Window({
    retentionOf: () => forEver,
    bytes: Infinity,
    emptyTopics: 100,
    bytesPerPublisher,
  });
  for (const each of events) window.add(each);
  return window;
}

function read(window: Window, pattern = '>'): number[] {
  return window.read(new TopicSet([pattern]), 0, Infinity, unlimited).events.map(({ sequence }) => sequence);
}

describe('A publisher that has more than its share of the window', () => {
  it('loses its own oldest events, and nobody else any', () => {
    const events = [event(1, 'a'), event(2, 'b', 'bob')];
    for (let n = 3; n < 40; n++) events.push(event(n, `x${n}`, 'mallory'));
    const window = windowOf(events, share(3.5));
    expect(read(window)).toEqual([1, 2, 37, 38, 39]);
    expect([window.lostThrough('a'), window.lostThrough('b'), window.lostThrough('>')]).toEqual([0, 0, 36]);
  });

  it('loses them in topics that others publish to as well, whatever is older there', () => {
    const events = [event(1, 'a', 'bob'), event(2, 'a')];
    for (let n = 3; n < 20; n++) events.push(event(n, 'a', n === 10 ? 'bob' : 'mallory'));
    const window = windowOf(events, share(3));
    expect(read(window)).toEqual([1, 2, 10, 17, 18, 19]);
    expect(read(window, 'a')).toEqual([1, 2, 10, 17, 18, 19]);
    expect(window.lostThrough('a')).toBe(16);
  });

  it('may have it again once the rules have dropped its events', () => {
    const window = new Window({
      retentionOf: () => ({ events: 1, age: Infinity }),
      bytes: Infinity,
      emptyTopics: 100,
      bytesPerPublisher: share(2),
    });
    for (let n = 1; n < 100; n++) window.add(event(n, 'a', 'ann'));
    window.add(event(100, 'b', 'ann'));
    expect(read(window)).toEqual([99, 100]);
  });

  it('is bounded by nothing else where it is nobody: the application itself', () => {
    const events = Array.from({ length: 50 }, (_, n) => event(n + 1, 'a'));
    expect(read(windowOf(events, share(3)))).toHaveLength(50);
  });

  it('is told the truth, and so is everybody else, whoever publishes what where', () => {
    const published = fc.record({
      topic: fc.constantFrom('a', 'b', 'a.b'),
      publisher: fc.constantFrom(undefined, 'ann', 'bob'),
      size: fc.nat(4_000),
    });
    fc.assert(
      fc.property(fc.array(published, { maxLength: 60 }), (all) => {
        const events = all.map(({ topic, publisher, size }, n) => event(n + 1, topic, publisher, size));
        const window = windowOf(events, share(5));
        const kept = new Set(read(window));
        for (const publisher of ['ann', 'bob']) {
          const own = events.filter((each) => each.publisher === publisher);
          const held = own.filter(({ sequence }) => kept.has(sequence));
          // The newest of its own that fit, and all of those.
          expect(held).toEqual(held.length > 0 ? own.slice(-held.length) : []);
          const bytes = (some: LogEvent[]) => some.reduce((sum, each) => sum + heldBytes(each), 0);
          expect(bytes(held)).toBeLessThanOrEqual(share(5));
          if (held.length < own.length) expect(bytes(own.slice(-held.length - 1))).toBeGreaterThan(share(5));
        }
        for (const { sequence, publisher } of events)
          if (publisher === undefined) expect(kept.has(sequence)).toBe(true);
        for (const topic of ['a', 'b', 'a.b']) {
          const gone = events.filter((each) => each.topic === topic && !kept.has(each.sequence));
          expect(window.lostThrough(topic)).toBe(gone.at(-1)?.sequence ?? 0);
        }
      }),
    );
  });

  it('costs a client that comes back one gap, and then everything that is left, once and in order', async () => {
    const node = new MemoryNode({ bytesPerPublisher: 3 * 300 });
    node.publish('room', 1, 2);
    for (let n = 3; n < 10; n++) node.publishAs('mallory', 'room', n);
    node.publish('room', 10);
    const client = node.connect();
    client.cursor.subscribe(['room'], node.id(1));
    await node.delivered();
    const [gap, ...rest] = client.story;
    expect(gap).toBe('evicted(room)');
    expect(rest[0]).toBe('room=2');
    expect(rest.at(-1)).toBe('room=10');
    expect(rest).toEqual([...new Set(rest)]);
    const again = node.connect();
    again.cursor.subscribe(['room'], node.id(10));
    await node.delivered();
    expect(again.story).toEqual([]);
  });
});
