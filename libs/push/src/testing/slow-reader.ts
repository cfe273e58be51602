import assert from 'node:assert/strict';
import type { TransportClient } from './transport-client.js';
import type { Scene } from './transport-scene.js';

/** How much is published at most until the buffers of the kernels are full. */
const mostEvents = 4_000;

const filling = 'x'.repeat(16 * 1024);

/**
 * A reader that has stopped reading, and for which bytes wait in the process, unless it was dropped for that already.
 *
 * @returns the reader, and how many numbered events it should get
 */
export async function withSlowReader(
  scene: Scene,
  topic: string,
): Promise<{ slow: TransportClient; count: number }> {
  const slow = await scene.enter(topic);
  const { disconnected } = scene.application;
  slow.pause();
  let count = 0;
  while (scene.bus.stats().behind === 0 && disconnected.length === 0) {
    assert.ok(count < mostEvents, 'It reads nothing, and yet it always had room for more.');
    await scene.bus.publish(topic, { number: count++, filling });
    await new Promise(setImmediate);
  }
  return { slow, count };
}
