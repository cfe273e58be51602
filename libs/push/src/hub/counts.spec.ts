import { Batch, LogEvent } from '../contracts/event.js';
import { Counts } from './counts.js';

function event(sequence: number, topic: string): LogEvent {
  return new LogEvent('e', sequence, { topic, data: '1' });
}

/** A batch of these topics whose events say how often their topics were read. */
function watched(...topics: string[]): { batch: Batch; reads: () => number } {
  let reads = 0;
  const events = topics.map((topic, index) =>
    Object.defineProperty(event(index + 1, topic), 'topic', {
      get: () => {
        reads++;
        return topic;
      },
    }),
  );
  return { batch: new Batch(events), reads: () => reads };
}

it('counts topics by the first rule that holds for them', () => {
  const counts = new Counts(['news.*', 'news.>', 'users.*', 'news.*']);
  expect(counts.rules).toEqual(['news.*', 'news.>', 'users.*', '(none)', '(reserved)']);
  for (const topic of ['news.a', 'news.a.b', 'users.7', 'else', '$presence.rooms.1.x'])
    counts.published(topic, false, performance.now());
  expect(counts.stored).toEqual([1, 1, 1, 1, 1]);
});

it('looks at the events of a batch once, however many clients get it', () => {
  const counts = new Counts(['a.*', 'b.*']);
  const { batch, reads } = watched('a.1', 'b.1', 'a.2');
  const sse = counts.of('sse');
  for (let n = 0; n < 10_000; n++) sse.delivered(batch, Buffer.alloc(10));
  expect(reads()).toBe(3);
  expect(sse.events).toEqual([20_000, 10_000, 0, 0]);
  expect(sse.bytes).toBe(100_000);
});

it('tells what went out besides what was delivered', () => {
  const counts = new Counts(['a.*']);
  const { batch } = watched('a.1');
  counts.of('sse').delivered(batch, Buffer.alloc(100));
  counts.of('websocket').delivered(batch, Buffer.alloc(1_000));
  counts.of('websocket').saved += 800;
  expect(counts.of('websocket').written).toBe(200);
  expect(counts.delivered).toEqual({ bytes: 1_100, written: 300 });
});

it('remembers a bounded number of topics, and counts right beyond it', () => {
  const counts = new Counts(['a.*']);
  for (let n = 0; n < 25_000; n++) counts.published(`a.${n}`, true, performance.now());
  expect(counts.ephemeral).toEqual([25_000, 0, 0]);
});

it('counts a bounded number of transports by name', () => {
  const counts = new Counts([]);
  for (let n = 0; n < 1_000; n++) counts.of(`transport-${n}`).joined();
  expect(counts.transports.size).toBeLessThan(20);
  expect(counts.transports.get('(other)')!.opened + counts.transports.size - 1).toBe(1_000);
});

it('tells of operations only while somebody listens', () => {
  const counts = new Counts([]);
  const told: unknown[] = [];
  counts.published('a', false, performance.now());
  counts.onOperation = (operation, milliseconds, code) => told.push([operation, milliseconds >= 0, code]);
  counts.published('a', false, performance.now());
  counts.published('a', false, performance.now(), 'UNAVAILABLE');
  expect(told).toEqual([
    ['publish', true, undefined],
    ['publish', true, 'UNAVAILABLE'],
  ]);
  expect([...counts.failed]).toEqual([['UNAVAILABLE', 1]]);
});
