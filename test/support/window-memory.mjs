/*
 * Says how much memory 40,000 events take, and what the window accounts for them. In a process of its own: what other tests have left
 * is let go of at any moment, and would be counted.
 *
 * node --expose-gc window-memory.mjs <the events' name>
 */
import { LogEvent } from '../../libs/push/dist/contracts/event.js';
import { Window } from '../../libs/push/dist/hub/window/window.js';

const count = 40_000;

/** Each makes the nth event: its topic, its data, its metadata. */
const events = {
  'small events of a few topics': (n) => [`a.${n % 100}`, `{"n":${n}}`],
  'events of a topic each': (n) => [`user.${n}.inbox`, `{"n":${n}}`],
  'events of deep topics': (n) => [`a.${n}.${'bcdefg.'.repeat(29)}z`, '1'],
  'text beyond Latin-1': (n) => [`a.${n % 100}`, `"${'\u4e2d\u6587'.repeat(100)}${n}"`],
  'topics that branch everywhere': (n) => [n.toString(2).split('').join('.'), '1'],
  metadata: (n) => [`a.${n % 100}`, '1', `{"traceparent":"00-${'4b'.repeat(24)}-${n}","n":${n}}`],
  'metadata of many names': (n) => [`a.${n % 100}`, '1', namesWith(n)],
};

/** Metadata whose names no other event has. */
function namesWith(n) {
  return JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, name) => [`${name}-${n}`, true])));
}

/** A text as it comes from the network: of its own, in one piece. */
const own = (text) => Buffer.from(text).toString();

async function memory() {
  // What the turn before has left is let go of.
  for (let turns = 0; turns < 3; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const make = events[process.argv[2]];
const retention = { events: 1_000, age: 60_000 };
const window = new Window({ retentionOf: () => retention, bytes: 1e9, emptyTopics: 1e6 });
const before = await memory();
for (let n = 1; n <= count; n++) {
  const [topic, data, head] = make(n);
  const meta = head === undefined ? undefined : JSON.parse(own(head));
  window.add(new LogEvent('e', n, { topic: own(topic), data: own(data), meta }));
}
const held = (await memory()) - before;
process.stdout.write(JSON.stringify({ held, accounted: window.bytes, events: window.events }));
