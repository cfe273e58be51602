import { setImmediate as turn } from 'node:timers/promises';
import { LogEvent } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import { MemoryNode, RecordingClient } from '../../../test/models/memory-node.js';

/** A node in the log `one`, and the server that it reads, which may be further. */
class LateNode {
  private readonly node = new MemoryNode();
  readonly hub = this.node.hub;
  end: Position = { epoch: 'one', sequence: 0 };
  isAway = false;
  asked = 0;

  constructor(sequence: number) {
    this.hub.open({ epoch: 'one', sequence });
    this.end = { epoch: 'one', sequence };
    this.node.log.verifyAgainst(() => {
      this.asked++;
      return this.isAway ? Promise.reject(new Error('away')) : Promise.resolve(this.end);
    });
  }

  deliver(...sequences: number[]): void {
    for (const sequence of sequences)
      this.hub.deliver(new LogEvent(this.node.log.epoch, sequence, { topic: 'a', data: String(sequence) }));
  }

  /** Waits until it has been asked that often, and the answer was heard. */
  async untilAsked(times: number): Promise<void> {
    while (this.asked < times) await turn();
    await turn();
  }

  resume(from: string): RecordingClient {
    const client = new RecordingClient(this.hub);
    client.cursor.subscribe(['a'], from);
    return client;
  }
}

describe('A client that comes from a node which is ahead', () => {
  it('goes on when this node is there, and gets nothing twice', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'one', sequence: 13 };
    const client = node.resume('one-12');
    await node.untilAsked(1);
    node.deliver(11, 12);
    await turn();
    expect(client.story).toEqual([]);
    node.deliver(13, 14);
    await turn();
    expect(client.story).toEqual(['a=13', 'a=14']);
    expect(client.cursor.isLive).toBe(true);
  });

  it('goes on where the log holds something else than events', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'one', sequence: 12 };
    const client = node.resume('one-12');
    await node.untilAsked(1);
    node.deliver(11);
    node.hub.reach(12);
    expect(client.cursor.isLive).toBe(true);
    expect(node.hub.position).toBe('one-12');
    node.deliver(13);
    await turn();
    expect(client.story).toEqual(['a=13']);
  });

  it('keeps its place meanwhile', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'one', sequence: 13 };
    const client = node.resume('one-12');
    await node.untilAsked(1);
    expect(client.cursor.position).toBe('one-12');
    node.deliver(11);
    expect(client.cursor.position).toBe('one-12');
  });

  it('is told if it cannot have been where it says', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'one', sequence: 13 };
    const client = node.resume('one-14');
    await node.untilAsked(1);
    expect(client.story).toEqual(['future(a)']);
  });

  it('goes on in a log that this node has not heard of yet', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'two', sequence: 25 };
    const client = node.resume('two-22');
    await node.untilAsked(1);
    expect(client.story).toEqual([]);
    node.hub.open({ epoch: 'two', sequence: 20 });
    node.deliver(21, 22, 23);
    await turn();
    expect(client.story).toEqual(['a=23']);
  });

  it('is told if the log that it comes from is no more', async () => {
    const node = new LateNode(10);
    const client = node.resume('before-3');
    await node.untilAsked(1);
    expect(client.story).toEqual(['epoch(a)']);
  });

  it('waits while the server is away', async () => {
    const node = new LateNode(10);
    node.isAway = true;
    const client = node.resume('one-14');
    await node.untilAsked(2);
    expect(client.story).toEqual([]);
    node.isAway = false;
    await node.untilAsked(3);
    expect(client.story).toEqual(['future(a)']);
  });

  it('shares the question with all who come in the same turn', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'one', sequence: 11 };
    const clients = Array.from({ length: 1_000 }, (_, index) => node.resume(`one-${11 + (index % 2)}`));
    await node.untilAsked(1);
    node.deliver(11);
    for (const [index, client] of clients.entries())
      if (index % 2 === 0) expect(client.story).toEqual([]);
      else expect(client.story[0]).toBe('future(a)');
    expect(node.asked).toBe(1);
  });

  it('may leave, or give its topics up, at any time', async () => {
    const node = new LateNode(10);
    node.end = { epoch: 'one', sequence: 13 };
    const [gone, empty] = [node.resume('one-13'), node.resume('one-13')];
    gone.cursor.leave();
    empty.cursor.unsubscribe(['a']);
    node.deliver(11, 12, 13, 14);
    await turn();
    expect([gone.story, empty.story]).toEqual([[], []]);
    expect(node.hub.stats().connections).toBe(1);
  });
});
