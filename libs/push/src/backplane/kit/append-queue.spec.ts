import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import { AppendQueue, type WaitLimits } from './append-queue.js';

const draft: Draft = { topic: 'a', data: '"x"' };
const queueWith = (limits: WaitLimits = {}) =>
  new AppendQueue(
    limits,
    () => undefined,
    () => undefined,
  );
const codeOf = (append: Promise<unknown>) =>
  append.then(
    () => 'stored',
    (error: PushError) => error.code,
  );

describe('The queue of appends', () => {
  it('counts what was taken until it is done, in whatever order', async () => {
    const queue = queueWith({ maxWaiting: 3 });
    const appends = [queue.add(draft), queue.add(draft), queue.add(draft)];
    const [first, second, third] = queue.take(3, 1_000);
    for (const append of [first, second, third]) append!.resolve({ epoch: 'e', sequence: 1 });
    expect(await codeOf(queue.add(draft))).toBe('UNAVAILABLE');
    queue.done([third!]);
    // Done is done: it frees its place once.
    queue.done([third!]);
    appends.push(queue.add(draft));
    expect(await codeOf(queue.add(draft))).toBe('UNAVAILABLE');
    queue.done([first!, second!]);
    appends.push(queue.add(draft), queue.add(draft));
    expect(await codeOf(queue.add(draft))).toBe('UNAVAILABLE');
    await queue.close(0);
    const stored = Array.from({ length: 3 }, () => 'stored');
    const closed = Array.from({ length: 3 }, () => 'CLOSED');
    expect(await Promise.all(appends.map(codeOf))).toEqual([...stored, ...closed]);
  });

  it('gives up those whose time is over, and takes others in their place', async () => {
    const queue = queueWith({ maxWaiting: 2, publishTimeout: 1 });
    const late = [queue.add(draft), queue.add(draft)];
    expect(await Promise.all(late.map(codeOf))).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(queue.take(10, 1_000)).toEqual([]);
    const next = [queue.add(draft), queue.add(draft)];
    for (const append of queue.take(10, 1_000)) append.resolve({ epoch: 'e', sequence: 1 });
    expect(await Promise.all(next.map(codeOf))).toEqual(['stored', 'stored']);
  });

  it('waits at its end for what is on its way', async () => {
    const queue = queueWith();
    const append = queue.add(draft);
    const taken = queue.take(1, 1_000);
    const closed = queue.close(60_000);
    taken[0]!.resolve({ epoch: 'e', sequence: 1 });
    queue.done(taken);
    await closed;
    expect(await codeOf(append)).toBe('stored');
  });
});
