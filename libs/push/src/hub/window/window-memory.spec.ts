import { jest } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { EventMeta } from '../../contracts/event-meta.js';
import { Batch, LogEvent } from '../../contracts/event.js';
import { chunkedSseEnvelopeCodec, sseCodec } from '../../wire/sse.codec.js';
import { websocketCodec } from '../../wire/websocket.codec.js';
import { TopicSet } from '../topics/topic-set.js';
import { Window } from './window.js';

/** Collecting garbage takes its time on a machine that is busy. */
jest.setTimeout(60_000);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('evicted events are not kept in memory after an older one that stays', async () => {
  const retention = { events: 2, age: 60_000 };
  const window = new Window({ retentionOf: () => retention, bytes: 1e9, emptyTopics: 10 });
  const weak = (sequence: number, topic: string) => {
    const event = new LogEvent('e', sequence, topic, undefined, JSON.stringify('x'.repeat(1_000)));
    window.add(event);
    return new WeakRef(event);
  };
  const quiet = weak(1, 'quiet');
  const chatty = Array.from({ length: 100 }, (_, n) => weak(n + 2, 'chatty'));
  // A WeakRef holds what it refers to until the turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(quiet.deref()).toBeDefined();
  expect(chatty.map((each) => each.deref() !== undefined)).toEqual(chatty.map((_, n) => n >= 98));
});

describe('The memory of the window', () => {
  const retention = { events: 1_000, age: 60_000 };
  /** A text as it comes from the network: of its own, in one piece. */
  const own = (text: string) => Buffer.from(text).toString();
  const memory = async () => {
    // What the turn before has left is let go of.
    for (let turns = 0; turns < 3; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };

  it.each([
    ['small events of a few topics', (n: number) => [`a.${n % 100}`, `{"n":${n}}`]],
    ['events of a topic each', (n: number) => [`user.${n}.inbox`, `{"n":${n}}`]],
    ['events of deep topics', (n: number) => [`a.${n}.${'bcdefg.'.repeat(29)}z`, '1']],
    ['text beyond Latin-1', (n: number) => [`a.${n % 100}`, `"${'\u4e2d\u6587'.repeat(100)}${n}"`]],
    ['topics that branch everywhere', (n: number) => [n.toString(2).split('').join('.'), '1']],
    [
      'metadata',
      (n: number) => [`a.${n % 100}`, '1', `{"traceparent":"00-${'4b'.repeat(24)}-${n}","n":${n}}`],
    ],
    ['metadata of many names', (n: number) => [`a.${n % 100}`, '1', namesWith(n)]],
  ])('is what it accounts for: %s', async (_, make) => {
    const window = new Window({ retentionOf: () => retention, bytes: 1e9, emptyTopics: 1e6 });
    const before = await memory();
    const count = 40_000;
    for (let n = 1; n <= count; n++) {
      const [topic, data, head] = make(n) as [string, string, string?];
      const meta = head === undefined ? undefined : (JSON.parse(own(head)) as EventMeta);
      window.add(new LogEvent('e', n, own(topic), undefined, own(data), undefined, undefined, meta));
    }
    const held = (await memory()) - before;
    expect(window.events).toBe(count);
    expect(held / window.bytes).toBeLessThan(1.25);
    // What earlier work has left may be let go of meanwhile.
    expect(held / window.bytes).toBeGreaterThan(0.3);
  });

  it('is bounded, also by topics that have no events', () => {
    const bytes = 2_000_000;
    const window = new Window({ retentionOf: () => ({ events: 0, age: 0 }), bytes, emptyTopics: 1e6 });
    for (let n = 1; n <= 20_000; n++)
      window.add(new LogEvent('e', n, `a.${n}.${'b.'.repeat(20)}c`, undefined, '1'));
    expect(window.bytes).toBeLessThanOrEqual(bytes);
    expect(window.knownTopics).toBeGreaterThan(1_000);
    // What is forgotten is lost all the same.
    expect(window.lostThrough('a.1.>')).toBeGreaterThanOrEqual(1);
  });

  it('is not left to topics without events: those with events keep theirs', () => {
    const bytes = 4_000_000;
    const retentionOf = (topic: string) => ({ events: topic.startsWith('kept') ? 10 : 0, age: 60_000 });
    const window = new Window({ retentionOf, bytes, emptyTopics: 1e6 });
    let sequence = 0;
    const add = (topic: string) => window.add(new LogEvent('e', ++sequence, topic, undefined, '1'));
    for (let n = 0; n < 3_000; n++) add(`kept.${n}`);
    for (let n = 0; n < 50_000; n++) add(`gone.${n}`);
    expect(window.bytes).toBeLessThanOrEqual(bytes);
    expect(window.events).toBe(3_000);
  });

  it('has no encodings of events, which many clients that catch up are sent together', async () => {
    const window = new Window({ retentionOf: () => retention, bytes: 1e9, emptyTopics: 10 });
    const codecs = [sseCodec, chunkedSseEnvelopeCodec, websocketCodec];
    const all = new TopicSet(['>']);
    const count = 5_000;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 1; n <= count; n++) {
      window.add(new LogEvent('e', n, `a.${n % 100}`, undefined, own(`"${'x'.repeat(60)}${n}"`)));
      const { events } = window.read(all, n - 2, n, { bytes: 1_000, entries: 100 });
      for (const codec of codecs) expect(new Batch(events).bytes(codec).length).toBeGreaterThan(60);
      // What else a server makes meanwhile.
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    collectGarbage();
    expect(window.events).toBe(count);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000);
  });
});

/** Metadata whose names no other event has. */
function namesWith(n: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, name) => [`${name}-${n}`, true])));
}
