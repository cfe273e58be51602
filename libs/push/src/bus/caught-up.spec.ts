import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import { MemoryNode } from '../../test/models/memory-node.js';
import { caughtUp } from './caught-up.js';

/** A node that has read the log `one` up to 10, and what the server says of its head. */
function nodeBefore(head: () => Promise<Position>) {
  const node = new MemoryNode();
  node.hub.open({ epoch: 'one', sequence: 10 });
  node.log.verifyAgainst(head);
  const result = caughtUp(node.hub, { head } as Pick<Backplane, 'head'> as Backplane);
  return { node, result };
}

describe('Catching up', () => {
  it('lasts until the node has read what the server had', async () => {
    const { node, result } = nodeBefore(() => Promise.resolve({ epoch: 'one', sequence: 12 }));
    let isThere = false;
    const told = result.then(() => (isThere = true));
    for (const sequence of [11, 12]) {
      await new Promise(setImmediate);
      expect(isThere).toBe(false);
      node.hub.deliver(new LogEvent('one', sequence, { topic: 'a', data: '1' }));
    }
    await told;
  });

  it.each<[string, () => Promise<Position>]>([
    ['is of another log', () => Promise.resolve({ epoch: 'two', sequence: 3 })],
    ['cannot be asked for', () => Promise.reject(new Error('away'))],
  ])('fails with UNAVAILABLE where the head %s', async (_, head) => {
    const error: unknown = await nodeBefore(head).result.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PushError);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });
});
