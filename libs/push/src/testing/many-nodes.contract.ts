import assert from 'node:assert/strict';
import { draft, upTo } from './drafts.js';
import type { RecordedNode } from './recording-tail.js';

/** The tests of nodes that share a log. */
export function describeManyNodes(node: () => Promise<RecordedNode>): void {
  it('shows all nodes the same events in the same order', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const count = 200;
    await Promise.all(
      nodes.flatMap(({ backplane }, from) =>
        upTo(count).map((n) => backplane.append(draft(`t.${from}`, { from, n }))),
      ),
    );
    for (const { tail } of nodes) await tail.until(({ events }) => events.length === nodes.length * count);
    const ids = nodes.map(({ tail }) => tail.events.map(({ id, data }) => `${id} ${data}`));
    assert.deepEqual(ids[1], ids[0]);
    assert.deepEqual(ids[2], ids[0]);
    const data = nodes[0]!.tail.data as { from: number; n: number }[];
    for (const from of upTo(nodes.length)) {
      const own = data.filter((event) => event.from === from).map((event) => event.n);
      assert.deepEqual(own, upTo(count), 'the order of one node’s calls');
    }
  });

  it('lets a node that comes later join at the head of the log', async () => {
    const early = await node();
    const before = await early.backplane.append(draft('a', 'before'));
    const late = await node();
    assert.deepEqual(
      late.tail.opened.map(({ epoch }) => epoch),
      [before.epoch],
    );
    assert.ok(late.tail.opened[0]!.sequence >= before.sequence);
    const after = await early.backplane.append(draft('a', 'after'));
    await late.tail.until(({ events }) => events.length > 0);
    assert.deepEqual(
      late.tail.events.map(({ id }) => id),
      [`${after.epoch}-${after.sequence}`],
    );
  });

  it('keeps the log when all nodes have left', async () => {
    const first = await node();
    const position = await first.backplane.append(draft('a', 1));
    await first.backplane.close();
    const second = await node();
    assert.equal(second.tail.opened[0]!.epoch, position.epoch);
    assert.ok(second.tail.opened[0]!.sequence >= position.sequence);
  });

  it('stores a message id once, whichever node it comes from', async () => {
    const nodes = await Promise.all([node(), node()]);
    const positions = await Promise.all(
      upTo(20).flatMap((n) =>
        nodes.map(({ backplane }) => backplane.append(draft('a', n, { messageId: `m${n}` }))),
      ),
    );
    const last = await nodes[0]!.backplane.append(draft('a', 'last'));
    for (let n = 0; n < 20; n++) assert.deepEqual(positions[2 * n], positions[2 * n + 1]);
    const { tail } = nodes[1]!;
    await tail.until(({ events }) => events.at(-1)?.sequence === last.sequence);
    assert.equal(tail.events.length, 21);
  });

  it('has a head that is at or after what any node has stored', async () => {
    const [one, other] = await Promise.all([node(), node()]);
    const position = await one.backplane.append(draft('a', 1));
    // Without `head`, no node is ever ahead of another.
    const head = (await other.backplane.head?.()) ?? { ...position, sequence: other.tail.sequence };
    assert.equal(head.epoch, position.epoch);
    assert.ok(head.sequence >= position.sequence);
  });

  it('brings all nodes to the head of the log, even if the entry there is no event', async () => {
    const [one, other] = await Promise.all([node(), node()]);
    const { sequence } = await one.backplane.append(draft('a', 1));
    await one.backplane.health();
    const head = (await one.backplane.head?.()) ?? { sequence };
    for (const { tail } of [one, other]) await tail.until((each) => each.sequence >= head.sequence);
  });

  it('delivers ephemeral events and control messages to all nodes', async () => {
    const [one, other] = await Promise.all([node(), node()]);
    await one.backplane.sendEphemeral(draft('a', 'here'));
    await other.backplane.control('there');
    for (const { tail } of [one, other]) {
      await tail.until(({ ephemeral, messages }) => ephemeral.length === 1 && messages.length === 1);
      assert.deepEqual([tail.ephemeral[0]!.data, tail.messages[0]], ['"here"', 'there']);
    }
  });
}
