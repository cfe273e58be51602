import { jest } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Batch, LogEvent } from '../../contracts/event.js';
import { chunkedSseEnvelopeCodec, sseCodec } from '../../wire/sse.codec.js';
import { websocketCodec } from '../../wire/websocket.codec.js';
import { TopicSet } from '../topics/topic-set.js';
import { Window } from './window.js';

/** Collecting garbage takes its time on a machine that is busy. */
jest.setTimeout(180_000);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('evicted events are not kept in memory after an older one that stays', async () => {
  const retention = { events: 2, age: 60_000 };
  const window = new Window({ retentionOf: () => retention, bytes: 1e9, emptyTopics: 10 });
  const weak = (sequence: number, topic: string) => {
    const event = new LogEvent('e', sequence, { topic, data: JSON.stringify('x'.repeat(1_000)) });
    return new WeakRef(window.add(event));
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

  it('is bounded, also by topics that have no events', () => {
    const bytes = 2_000_000;
    const window = new Window({ retentionOf: () => ({ events: 0, age: 0 }), bytes, emptyTopics: 1e6 });
    for (let n = 1; n <= 20_000; n++)
      window.add(new LogEvent('e', n, { topic: `a.${n}.${'b.'.repeat(20)}c`, data: '1' }));
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
    const add = (topic: string) => window.add(new LogEvent('e', ++sequence, { topic, data: '1' }));
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
      window.add(new LogEvent('e', n, { topic: `a.${n % 100}`, data: own(`"${'x'.repeat(60)}${n}"`) }));
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
