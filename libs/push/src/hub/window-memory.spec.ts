import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LogEvent } from '../contracts/event.js';
import { Window } from './window.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('evicted events are not kept in memory behind an older one that stays', async () => {
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
