import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryNode, type RecordingClient } from '../../../test/models/memory-node.js';

// Some deliver as much as a node takes, which is a matter of seconds on a busy machine.
jest.setTimeout(180_000);

const unavailable = expect.objectContaining({ code: 'UNAVAILABLE', retryable: true }) as Error;

/** As many events as make publishers wait, whatever time their delivery takes. */
const congested = 65_536;

/** A client of topic `a`. */
function reader(node: MemoryNode): RecordingClient {
  const client = node.connect();
  client.cursor.subscribe(['a'], 'now');
  return client;
}

/** Makes each write to a client take so many milliseconds, of this process. */
function slowed(client: RecordingClient, milliseconds: number): RecordingClient {
  const write = client.write.bind(client);
  client.write = (batch) => {
    const until = performance.now() + milliseconds;
    while (performance.now() < until);
    return write(batch);
  };
  return client;
}

/** Publishes until that is refused. Returns how many events were taken. */
function flood(node: MemoryNode): number {
  for (let taken = 0; ; taken++) {
    try {
      node.hub.assertRoom(performance.now());
    } catch (error) {
      expect(error).toEqual(unavailable);
      return taken;
    }
    node.publish('a', taken);
  }
}

describe('Publishing more than is delivered', () => {
  it('is refused when the oldest event has waited too long, until it is delivered', async () => {
    const node = new MemoryNode({ maxDeliveryDelay: 1_000 });
    const client = reader(node);
    const before = performance.now();
    node.publish('a', 1, 2);
    const after = performance.now();
    expect(node.hub.stats().delivery.events).toBe(2);
    node.hub.assertRoom(before + 1_000);
    expect(() => node.hub.assertRoom(after + 1_001)).toThrow(unavailable);
    expect(node.hub.stats().delivery.refused).toBe(1);
    await node.delivered();
    node.hub.assertRoom(after + 1_001);
    expect(client.story).toEqual(['a=1', 'a=2']);
    expect(node.hub.stats().delivery).toMatchObject({ events: 0, delay: 0, expected: 0, refused: 1 });
  });

  it('is refused within one turn of the event loop too, in which nothing can be delivered', async () => {
    const node = new MemoryNode({ maxDeliveryDelay: 5, retention: { events: Infinity, age: Infinity } });
    const client = reader(node);
    const taken = flood(node);
    expect(taken).toBeGreaterThan(0);
    await node.delivered();
    expect(client.batches.flatMap(({ events }) => events.map(({ data }) => Number(data)))).toEqual(
      Array.from({ length: taken }, (_, index) => index),
    );
    node.hub.assertRoom(performance.now());
  });

  it('is refused when what waits will take too long, at the pace of the last rounds', async () => {
    const node = new MemoryNode({ maxDeliveryDelay: 1_000, retention: { events: Infinity, age: Infinity } });
    const client = slowed(reader(node), 100);
    for (const data of [1, 2]) {
      node.publish('a', data);
      await node.delivered();
    }
    // A round of 4,096 takes 100 ms or more: a second is ten of them at most.
    const taken = flood(node);
    expect(taken).toBeLessThanOrEqual(40_961);
    await node.delivered();
    expect(client.batches.flatMap(({ events }) => events)).toHaveLength(2 + taken);
  });

  it('is not foreseen by one round alone, which something else may have held up', async () => {
    const node = new MemoryNode();
    slowed(reader(node), 50);
    node.publish('a', 1);
    await node.delivered();
    node.publish('a', 2);
    expect(node.hub.stats().delivery.expected).toBe(0);
    await node.delivered();
    node.publish('a', 3);
    expect(node.hub.stats().delivery.expected).toBeGreaterThanOrEqual(50 / 4_096);
    await node.delivered();
  });

  it('takes a full round for what it is, however few events it has', async () => {
    const node = new MemoryNode({ retention: { events: Infinity, age: Infinity } });
    slowed(reader(node), 50);
    const large = 'x'.repeat(64 * 1024);
    // Four are a round.
    for (let data = 0; data < 8; data++) node.publishText('a', large);
    await node.delivered();
    for (let data = 0; data < 8; data++) node.publishText('a', large);
    expect(node.hub.stats().delivery.expected).toBeGreaterThanOrEqual(100);
    await node.delivered();
  });

  it('is refused at twice of what makes publishers wait, whatever time may pass; ephemeral events are dropped then', async () => {
    const node = new MemoryNode({ maxDeliveryDelay: Infinity });
    const client = reader(node);
    expect(flood(node)).toBe(2 * congested);
    node.pass('a', -1);
    expect(node.hub.stats().delivery.events).toBe(2 * congested);
    await node.delivered();
    node.hub.assertRoom(performance.now());
    node.pass('a', -2);
    await turn();
    expect(client.story.filter((line) => line.startsWith('a=-'))).toEqual(['a=-2']);
  });

  it('costs nothing, and is not bounded, where nobody listens', () => {
    const node = new MemoryNode({ maxDeliveryDelay: 1 });
    for (let data = 0; data < 2 * congested; data++) node.publish('a', data);
    node.hub.assertRoom(Infinity);
    expect(node.hub.stats().delivery).toEqual({ events: 0, delay: 0, expected: 0, waiting: 0, refused: 0 });
  });
});

describe('A publisher waits', () => {
  it('from half of the delay on', async () => {
    const node = new MemoryNode({ maxDeliveryDelay: 1_000 });
    reader(node);
    const before = performance.now();
    node.publish('a', 1);
    const after = performance.now();
    expect(node.hub.congested(before + 500)).toBeUndefined();
    const waiting = node.hub.congested(after + 501);
    expect(node.hub.stats().delivery.waiting).toBe(1);
    await waiting;
    expect(node.hub.stats().delivery).toMatchObject({ events: 0, waiting: 0 });
  });

  it('until its own event is delivered, at the longest, whatever others publish meanwhile', async () => {
    const node = new MemoryNode();
    const client = reader(node);
    client.cursor.subscribe(['b'], 'now');
    for (let data = 0; data < congested; data++) node.publish('a', data);
    let hasGone = false;
    const write = client.write.bind(client);
    // As much comes as is delivered.
    client.write = (batch) => {
      if (!hasGone) for (let data = 0; data < batch.events.length; data++) node.publish('b', data);
      return write(batch);
    };
    await node.hub.congested()!.then(() => (hasGone = true));
    expect(node.hub.stats().delivery.events).toBeGreaterThanOrEqual(congested);
    await node.delivered();
  });
});

describe('The delay', () => {
  it('is that of the oldest event which is not delivered', async () => {
    const node = new MemoryNode();
    // Long enough for several turns of the event loop.
    for (let count = 0; count < 200; count++) slowed(reader(node), 0.5);
    node.publish('a', 1);
    const first = performance.now();
    await turn();
    const second = performance.now();
    node.publish('a', 2);
    expect(node.hub.stats().delivery).toMatchObject({ events: 2 });
    expect(node.hub.stats().delivery.delay).toBeGreaterThanOrEqual(second - first);
    while (node.hub.stats().delivery.events > 1) await turn();
    const { events, delay } = node.hub.stats().delivery;
    expect(events).toBe(1);
    expect(delay).toBeLessThanOrEqual(performance.now() - second);
    await node.delivered();
  });

  it('begins again where another log takes the place of this one', async () => {
    const node = new MemoryNode({ maxDeliveryDelay: 1_000 });
    const client = reader(node);
    node.publish('a', 1);
    const waiting = node.hub.congested(Infinity);
    node.replaceLog();
    await waiting;
    expect(node.hub.stats().delivery).toMatchObject({ events: 0, delay: 0, waiting: 0 });
    node.publish('a', 2);
    await node.delivered();
    expect(client.story.at(-1)).toBe('a=2');
  });
});
