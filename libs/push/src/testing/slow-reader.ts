import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TransportClient } from './transport-client.js';
import type { Scene } from './transport-scene.js';

/** The most events that are published to fill the socket buffers of the kernel. */
const maxEvents = 4_000;

/** Noise, which a transport that compresses cannot make small. */
const padding = randomBytes(12 * 1024).toString('base64');

/**
 * Connects a client that stops reading, and publishes until bytes wait for it in the process, or until it was dropped.
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
  while (scene.bus.stats().lagging === 0 && disconnected.length === 0) {
    assert.ok(count < maxEvents, 'It reads nothing, and yet it always had room for more.');
    await scene.bus.publish(topic, { number: count++, padding });
    await new Promise(setImmediate);
  }
  return { slow, count };
}
