import { duration, World } from '../../test/models/lease-world.js';

/** A world with nodes whose leases have been renewed a few times. */
async function worldOf(nodes: number): Promise<World> {
  const world = new World();
  for (let count = 0; count < nodes; count++) world.add(1);
  await world.run(2 * duration);
  return world;
}

function incarnationsOf({ nodes }: World): string[] {
  return nodes.map(({ lease }) => lease.incarnation);
}

describe('A lease', () => {
  it('of a node that dies lapses, and one survivor removes what it owned, and the lease', async () => {
    const world = await worldOf(3);
    const [dead] = world.nodes;
    dead!.items.set('items.1', 'unwritten');
    await world.run(60);
    dead!.kill();
    await world.run(duration / 2);
    expect(world.removals).toBe(0);
    await world.run(duration);
    expect(world.removals).toBe(1);
    const lease = world.newest.get(`$lease.${dead!.lease.incarnation}`);
    expect(lease?.meta).toEqual({ removed: true });
  });

  it('does not lapse because the log was away for everybody, and not everybody is back at once', async () => {
    const world = await worldOf(3);
    const before = incarnationsOf(world);
    for (const [index, node] of world.nodes.entries()) node.cut(5 * duration + (index * duration) / 4);
    await world.run(8 * duration);
    expect(incarnationsOf(world)).toEqual(before);
  });

  it('does not lapse because the node that watches it was paused', async () => {
    const world = await worldOf(2);
    const before = incarnationsOf(world);
    world.nodes[0]!.pause(duration / 2, false);
    await world.run(4 * duration);
    expect(incarnationsOf(world)).toEqual(before);
  });

  it('of a node that was paused for longer is another one afterwards, and what it owns is there again', async () => {
    const world = await worldOf(2);
    const [paused, other] = world.nodes;
    paused!.items.set('items.1', 'unwritten');
    await world.run(60);
    const before = incarnationsOf(world);
    paused!.pause(3 * duration, true);
    await world.run(5 * duration);
    expect(world.removals).toBe(1);
    expect(paused!.lease.incarnation).not.toBe(before[0]);
    expect(other!.lease.incarnation).toBe(before[1]);
    expect(paused!.missing).toEqual([]);
  });

  it('covers what its node has sent before it died, and the log got after the takeover', async () => {
    const world = await worldOf(2);
    const [dead] = world.nodes;
    dead!.items.set('items.1', 'unwritten');
    dead!.pause(2.5 * duration, true);
    await world.run(30);
    dead!.kill();
    await world.run(2.5 * duration);
    expect(world.newest.get('items.1')?.meta).toBeDefined();
    expect(world.removals).toBe(0);
    await world.run(2 * duration);
    expect(world.removals).toBe(1);
  });

  it('lapses as soon as its newest renewal says, and another one not sooner than it says', async () => {
    const world = await worldOf(3);
    const [short, long, survivor] = world.nodes;
    for (const [index, node] of [short, long].entries()) node!.items.set(`items.${index}`, 'unwritten');
    short!.ask(duration / 3);
    long!.ask(3 * duration);
    // A longer one is announced with the next renewal.
    await world.run(duration);
    short!.kill();
    long!.kill();
    await world.run((2 * duration) / 3);
    expect(world.removals).toBe(1);
    expect(world.newest.get('items.0')?.meta).toEqual({ removed: true });
    await world.run((5 * duration) / 3);
    expect(world.removals).toBe(1);
    await world.run(2 * duration);
    expect(world.removals).toBe(2);
    expect(survivor!.lease.hasOthers).toBe(false);
  });

  it('that is made shorter holds for the shorter time from then on, for its own node too', async () => {
    const world = await worldOf(2);
    const [node] = world.nodes;
    node!.ask(duration / 3);
    // It renews more often.
    expect(node!.lease.interval).toBe(duration / 9);
    await world.run(duration);
    const { incarnation } = node!.lease;
    node!.pause(duration * 0.9, true);
    await world.run(2 * duration);
    expect(node!.lease.incarnation).not.toBe(incarnation);
  });

  it('that is given up leaves nothing behind', async () => {
    const world = await worldOf(2);
    const [leaving] = world.nodes;
    expect(leaving!.lease.hasOthers).toBe(true);
    await leaving!.lease.release();
    expect(world.newest.get(`$lease.${leaving!.lease.incarnation}`)?.meta).toEqual({ removed: true });
    await expect(leaving!.lease.held()).rejects.toMatchObject({ code: 'CLOSED' });
    leaving!.kill();
    await world.run(3 * duration);
    expect(world.nodes[1]!.lease.hasOthers).toBe(false);
  });

  it('begins again in another log, with everything that is owned', async () => {
    const world = await worldOf(2);
    world.nodes[0]!.items.set('items.1', 'unwritten');
    await world.run(60);
    world.open();
    await world.run(duration);
    expect(world.newest.has('items.1')).toBe(true);
    expect(world.nodes[0]!.missing).toEqual([]);
    expect(world.removals).toBe(0);
  });
});
