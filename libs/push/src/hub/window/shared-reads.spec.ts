import { LogEvent } from '../../contracts/event.js';
import { TopicSet } from '../topics/topic-set.js';
import { Window } from './window.js';

const topics = new TopicSet(['a', 'b']);
const limit = { bytes: 1_000, entries: 1_000 };

function windowWith(count: number, events = 100): Window {
  const retention = { events, age: Infinity };
  const window = new Window({ retentionOf: () => retention, bytes: Infinity, emptyTopics: 100 });
  for (let sequence = 1; sequence <= count; sequence++) add(window, sequence);
  return window;
}

function add(window: Window, sequence: number, topic = 'a'): void {
  window.add(new LogEvent('log', sequence, { topic, data: '1' }));
}

describe('Reads of a window that does not change', () => {
  it('give everyone who asks for the same the same batch, so that its bytes are made once', () => {
    const { read, reads } = boundTo(windowWith(5));
    expect(read(2)).toBe(read(2));
    expect(reads.batchOf(read(2))).toBe(reads.batchOf(read(2)));
    expect(reads.batchOf(read(2)).events.map(({ sequence }) => sequence)).toEqual([3, 4, 5]);
  });

  it('are told apart by where they begin and end, by their size and by their topics', () => {
    const window = windowWith(5);
    const all = window.read(topics, 0, 5, limit).events;
    expect(window.read(topics, 1, 5, limit).events).toHaveLength(4);
    expect(window.read(topics, 0, 4, limit).events).toHaveLength(4);
    expect(window.read(topics, 0, 5, { ...limit, bytes: 1 }).events).toHaveLength(1);
    expect(window.read(new TopicSet(['b']), 0, 5, limit).events).toHaveLength(0);
    expect(window.read(new TopicSet(['b', 'a']), 0, 5, limit).events).toBe(all);
  });

  it('are made anew when something comes, goes, or the window starts over', () => {
    const window = windowWith(5, 5);
    const sequences = () => window.read(topics, 0, Infinity, limit).events.map(({ sequence }) => sequence);
    expect(sequences()).toEqual([1, 2, 3, 4, 5]);
    add(window, 6, 'b');
    expect(sequences()).toEqual([1, 2, 3, 4, 5, 6]);
    add(window, 7);
    expect(sequences()).toEqual([2, 3, 4, 5, 6, 7]);
    window.reset(7);
    expect(sequences()).toEqual([]);
  });

  it('are not remembered without bound', () => {
    const { read } = boundTo(windowWith(5));
    const first = read(0);
    for (let through = 100; through < 300; through++) read(0, through);
    expect(read(0)).not.toBe(first);
    expect(read(0)).toEqual(first);
  });
});

function boundTo(window: Window) {
  const read = (after: number, through = Infinity) => window.read(topics, after, through, limit).events;
  return { read, reads: window.reads };
}
