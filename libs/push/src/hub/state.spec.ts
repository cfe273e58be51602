import { MemoryNode } from '../../test/models/memory-node.js';

const rules = [{ pattern: 's.*', state: true, tombstones: 1_000 }];

describe('A reader of state topics', () => {
  it('that is slow gets the newest event of each, and no gap', async () => {
    const node = new MemoryNode({ rules });
    const client = node.connect();
    client.cursor.subscribe(['s.*'], 'now');
    client.room = 1;
    node.publish('s.1', 0);
    await node.delivered();
    node.publish('s.1', 1, 2, 3);
    node.publish('s.2', 4, 5);
    client.drain();
    expect(client.story).toEqual(['s.1=0', 's.1=3', 's.2=5']);
    expect(node.hub.stats().gaps).toBe(0);
  });

  it('that resumes gets the newest event of each that has changed, and no gap', () => {
    const node = new MemoryNode({ rules });
    node.publish('s.1', 1, 2);
    node.publish('s.2', 3);
    node.publish('s.1', 4, 5);
    const client = node.connect();
    client.cursor.subscribe(['s.*'], node.id(2));
    expect(client.story).toEqual(['s.2=3', 's.1=5']);
  });

  it('gets state of any age, and as much as there is, whatever else the window has room for', async () => {
    let now = 0;
    const node = new MemoryNode({
      rules,
      retention: { events: 10, age: 5 },
      windowBytes: 10_000,
      now: () => now,
    });
    for (let n = 0; n < 200; n++) node.publish(`s.${n}`, n);
    node.publish('other', 1, 2, 3);
    now = 1e9;
    node.log.window.expire();
    node.publish('other', 4);
    const client = node.connect();
    client.cursor.subscribe(['s.*', 'other'], 'last');
    for (let turns = 0; turns < 20; turns++) await node.delivered();
    expect(client.story).toHaveLength(201);
    expect(client.gaps).toEqual([]);
  });
});
