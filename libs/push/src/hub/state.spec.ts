import { setImmediate as turn } from 'node:timers/promises';
import { MemoryNode } from '../../test/models/memory-node.js';
import { LogEvent } from '../contracts/event.js';
import { MemoryHistory } from '../testing/memory-history.js';

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

  it('that was moved to another log, and is cut off while its state is still read, begins again with all of it', async () => {
    const node = new MemoryNode({ rules });
    const history = new MemoryHistory((topic) => node.log.rules.of(topic));
    node.log.readOlderFrom(history);
    const client = node.connect();
    client.cursor.subscribe(['s.*'], 'now');
    client.room = 1;
    for (const sequence of [1, 2, 3])
      history.add(new LogEvent('other', sequence, { topic: `s.${sequence}`, data: String(sequence) }));
    node.hub.open({ epoch: 'other', sequence: 3 });
    const live: string[] = [];
    client.cursor.subscribe(['x'], 'now', undefined, { onLive: (id) => live.push(id) });
    client.drain();
    client.cursor.leave();
    expect(client.story).toEqual(['epoch(s.*)']);
    const again = node.connect();
    again.cursor.subscribe(['s.*'], live[0]!);
    while (!again.cursor.isLive) await turn();
    expect(again.story).toEqual(['s.1=1', 's.2=2', 's.3=3']);
  });
});
