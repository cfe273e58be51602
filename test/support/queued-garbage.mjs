/*
 * Says by how many bytes the old space grows while 51,200 events are queued, stored and forgotten, and nothing but young garbage is
 * collected. In a process of its own: a tool that tracks promises keeps them until the next full collection.
 *
 * node --expose-gc queued-garbage.mjs
 */
import { AppendQueue } from 'nestjs-push/backplane-kit';
import { getHeapSpaceStatistics } from 'node:v8';

const queue = new AppendQueue(
  {},
  () => undefined,
  () => undefined,
);

async function pass() {
  const appends = Array.from({ length: 256 }, () => queue.add({ topic: 'a', data: '"x"' }));
  const batch = queue.take(256, 1e9);
  for (const append of batch) append.resolve({ epoch: 'e', sequence: 1 });
  queue.done(batch);
  await Promise.all(appends);
}

const oldBytes = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;

await pass();
// Whatever the queue still holds is old from now on.
globalThis.gc();
const before = oldBytes();
for (let times = 1; times <= 200; times++) {
  await pass();
  if (times % 10 === 0) globalThis.gc({ type: 'minor' });
}
process.stdout.write(String(oldBytes() - before));
