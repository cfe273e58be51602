import { LogEvent } from '../contracts/event.js';
import { groupNodeTopicOf, groupPartitionTopicOf, groupTopicOf } from '../contracts/reserved.js';
import { removalMeta } from '../contracts/state.js';
import { ownedBy } from '../state/ownership.js';
import { earliest, GroupTable, later } from './group-table.js';

let sequence = 0;

function event(topic: string, data: unknown, owner?: string): LogEvent {
  const meta = owner === undefined ? undefined : ownedBy(owner);
  return new LogEvent('e', ++sequence, { topic, data: JSON.stringify(data), meta });
}

function removal(topic: string): LogEvent {
  return new LogEvent('e', ++sequence, { topic, data: 'null', meta: removalMeta });
}

describe('What the log says of a group', () => {
  const partition = groupPartitionTopicOf('g', 3);
  let table: GroupTable;
  beforeEach(() => (table = new GroupTable()));

  it('begins where its first node says, as long as a partition has no position of its own', () => {
    expect(table.positionOf(3)).toBeUndefined();
    expect(table.take(event(groupTopicOf('g'), { position: 'e-5' }))).toBe(true);
    expect(table.positionOf(3)).toBe('e-5');
    table.take(event(partition, { position: 'e-9' }));
    expect([table.positionOf(3), table.positionOf(4)]).toEqual(['e-9', 'e-5']);
  });

  it('takes the position of a partition from its owner, if that says something later', () => {
    table.take(event(partition, { position: 'e-50' }, 'one'));
    const progress = (position: string, whole: number[], parts = {}) =>
      table.take(event(groupNodeTopicOf('g', 'one'), { position, whole, parts }, 'one'));
    progress('e-40', [3]);
    expect(table.positionOf(3)).toBe('e-50');
    progress('e-90', []);
    // It was said before the partition was taken over: the position is of others.
    expect(table.positionOf(3)).toBe('e-50');
    progress('e-90', [3]);
    expect(table.positionOf(3)).toBe('e-90');
    progress('e-99', [4], { 3: 'e-70' });
    expect(table.positionOf(3)).toBe('e-70');
    // What a node says of a partition that is free, or another node's, does not count.
    table.take(event(partition, { position: 'e-60' }));
    expect(table.positionOf(3)).toBe('e-60');
  });

  it('says what a node has, and which changes concern the shares', () => {
    const node = groupNodeTopicOf('g', 'one');
    expect(table.take(event(node, { position: 'e-1', whole: [], parts: {} }, 'one'))).toBe(true);
    expect(table.take(event(node, { position: 'e-2', whole: [], parts: {} }, 'one'))).toBe(false);
    expect(table.has('one')).toBe(true);
    table.take(event(partition, { position: 'e-1' }, 'one'));
    expect(table.ownedBy('one')).toEqual([3]);
    expect(table.take(removal(node))).toBe(true);
    expect(table.has('one')).toBe(true);
    expect(table.take(event(partition, { position: 'e-1' }))).toBe(true);
    expect(table.has('one')).toBe(false);
  });
});

describe('Ids', () => {
  it('are compared within a log; of two logs the other one counts', () => {
    expect(later('e-5', 'e-4')).toBe('e-5');
    expect(later('e-5', 'e-40')).toBe('e-40');
    expect(later('e-5', 'f-1')).toBe('f-1');
    expect(earliest(['e-5', 'e-40'], 'e')).toBe('e-5');
    expect(earliest(['e-5', 'f-9'], 'e')).toBe('f-9');
    expect(earliest([], 'e')).toBeUndefined();
  });
});
