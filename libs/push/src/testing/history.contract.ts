import assert from 'node:assert/strict';
import type { Backplane, HistoryPage, HistoryQuery } from '../contracts/backplane.js';
import type { LogEvent } from '../contracts/event.js';
import type { RecordedNode } from './recording-tail.js';

/** The tests of a backplane that keeps more than its nodes' windows. */
export function describeHistory(node: () => Promise<RecordedNode>): void {
  const publish = async ({ backplane, tail }: RecordedNode, topics: readonly string[]): Promise<number[]> => {
    const positions = await Promise.all(
      topics.map((topic, n) => backplane.append({ topic, data: `${n}`, type: 'counted' })),
    );
    const last = positions.at(-1)!.sequence;
    await tail.until(({ events }) => (events.at(-1)?.sequence ?? 0) >= last);
    return positions.map(({ sequence }) => sequence);
  };

  it('pages through a topic, without a hole or a repeat', async () => {
    const one = await node();
    const topics = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? 'a.even' : 'a.odd'));
    const sequences = await publish(one, topics);
    const { events, pages, lost } = await readAll(one, { topics: ['a.even'], limit: 6 });
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      sequences.filter((_, n) => n % 2 === 0),
    );
    assert.deepEqual(events[3], one.tail.events[6]);
    assert.ok(pages >= 4, `${pages} pages`);
    assert.deepEqual([...lost], []);
  });

  it('merges topics and wildcards in log order, each event once', async () => {
    const one = await node();
    const names = ['b.x', 'b.y.z', 'c.x', 'd', 'b.x.y', 'c.y.x', 'bb.x'];
    const sequences = await publish(
      one,
      Array.from({ length: 70 }, (_, n) => names[(n * n) % 7]!),
    );
    const wanted = new Set(['b.x', 'b.y.z', 'c.x', 'd', 'b.x.y']);
    const expected = new Set(
      one.tail.events.filter(({ topic }) => wanted.has(topic)).map(({ sequence }) => sequence),
    );
    for (const limit of [1, 5, 1_000]) {
      const { events } = await readAll(one, { topics: ['b.>', 'd', '*.x', 'b.x'], limit });
      assert.deepEqual(
        events.map(({ sequence }) => sequence),
        one.tail.events
          .filter(({ topic, sequence }) => topic === 'bb.x' || expected.has(sequence))
          .map(({ sequence }) => sequence),
      );
    }
    const { events } = await readAll(one, { topics: ['>'], limit: 9 });
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      sequences,
    );
  });

  it('reads after a position, up to and including another', async () => {
    const one = await node();
    const sequences = await publish(
      one,
      Array.from({ length: 12 }, () => 'a'),
    );
    const [after, through] = [sequences[3]!, sequences[8]!];
    const { events } = await readAll(one, { topics: ['a'], after, through, limit: 2 });
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      sequences.slice(4, 9),
    );
    const page = await read(one.backplane, { topics: ['nothing'], after, through, limit: 2 });
    assert.deepEqual([page.events, page.through, [...page.lost]], [[], through, []]);
  });

  it('keeps the newest of each topic, and knows which topics lost something', async () => {
    const one = await node();
    const chatty = Array.from({ length: 60 }, () => 'm.chatty');
    const sequences = await publish(one, ['m.quiet', ...chatty, 'm.other']);
    const own = sequences.slice(1, 61);
    const ask = async (topic: string, after: number) => {
      const { events, lost } = await readAll(one, { topics: [topic], after, limit: 100 });
      return { events: events.map(({ sequence }) => sequence), lost: lost.get(topic) };
    };
    assert.deepEqual(await ask('m.quiet', 0), { events: [sequences[0]], lost: undefined });
    const all = await ask('m.chatty', 0);
    const kept = all.events.length;
    assert.ok(kept >= 50, `${kept} of 50 promised events are kept`);
    assert.deepEqual(all.events, own.slice(-kept));
    assert.equal(all.lost, kept < 60 ? own[59 - kept] : undefined);
    for (const n of [0, 58 - kept, 59 - kept, 60 - kept, 58]) {
      if (n < 0) continue;
      const wanted = own.slice(n + 1);
      const lost = wanted.length > kept ? own[59 - kept] : undefined;
      assert.deepEqual(await ask('m.chatty', own[n]!), { events: wanted.slice(-kept), lost });
    }
    assert.deepEqual(await ask('m.*', 0), {
      events: [sequences[0], ...all.events, sequences[61]],
      lost: all.lost,
    });
  });

  it('has lost nothing in a log that begins with health checks', async () => {
    const one = await node();
    await one.backplane.health();
    await one.backplane.health();
    const sequences = await publish(one, ['h.a', 'h.b']);
    const { events, lost } = await readAll(one, { topics: ['h.a', '>'], limit: 10 });
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      sequences,
    );
    assert.deepEqual([...lost], []);
  });

  it('keeps nothing of topics that keep nothing, and says so', async () => {
    const one = await node();
    const [first, second] = await publish(one, ['none.a', 'none.a', 'b']);
    const { events, lost } = await readAll(one, { topics: ['none.a', 'b'], after: first, limit: 10 });
    assert.deepEqual(
      events.map(({ topic }) => topic),
      ['b'],
    );
    assert.deepEqual([...lost], [['none.a', second]]);
    const later = await readAll(one, { topics: ['none.a'], after: second, limit: 10 });
    assert.deepEqual([...later.lost], []);
  });

  it('drops events that are too old, by the clock of the server', async () => {
    const one = await node();
    const [old, other] = await publish(one, ['brief.a', 'a']);
    const query = { topics: ['>'], after: 0, through: other!, limit: 10 };
    let page = await read(one.backplane, query);
    while (page.events.length > 1) page = await read(one.backplane, query);
    assert.deepEqual(
      page.events.map(({ topic }) => topic),
      ['a'],
    );
    assert.deepEqual([...page.lost], [['>', old]]);
    // On a busy machine even a young event may be too old by the time it is read: then the next one is tried.
    for (let gone = old, isRead = false; !isRead;) {
      const [young] = await publish(one, ['brief.a']);
      const { events, lost } = await readAll(one, { topics: ['brief.a'], limit: 10 });
      isRead = events.length > 0;
      assert.deepEqual(
        events.map(({ sequence }) => sequence),
        isRead ? [young] : [],
      );
      if (!isRead) gone = young;
      assert.deepEqual([...lost], [['brief.a', gone]]);
    }
  });

  it('reads only the newest of each topic', async () => {
    const one = await node();
    const sequences = await publish(one, ['s.1', 's.2', 's.1', 's.3', 's.2', 't', 'none.s']);
    const ask = (query: Omit<Partial<HistoryQuery>, 'topics'> & { topics: string[] }) =>
      readAll(one, { limit: 1, newest: 1, ...query }).then(({ events, lost }) => {
        assert.deepEqual([...lost], []);
        return events.map(({ sequence }) => sequence);
      });
    assert.deepEqual(
      await ask({ topics: ['s.*'] }),
      [2, 3, 4].map((n) => sequences[n]),
    );
    assert.deepEqual(
      await ask({ topics: ['s.1', 't', 'none.s'] }),
      [2, 5].map((n) => sequences[n]),
    );
    assert.deepEqual(await ask({ topics: ['>'], after: sequences[2]!, limit: 100 }), sequences.slice(3, 6));
    // A topic whose newest event is after that is left out.
    assert.deepEqual(
      await ask({ topics: ['s.*'], through: sequences[3]! }),
      [2, 3].map((n) => sequences[n]),
    );
  });

  it('reads only the newest few of each topic, as of any position, in log order', async () => {
    const one = await node();
    // A topic that is busy, one that is busy now and then, and one that is quiet.
    const names = Array.from({ length: 66 }, (_, n) =>
      n % 30 === 7 ? 'f.quiet' : n % 11 < 3 ? 'f.rare' : 'f.busy',
    );
    const sequences = await publish(one, ['none.f', ...names, 'other']);
    const published = one.tail.events.filter(({ topic }) => topic.startsWith('f.'));
    const expected = (topics: readonly string[], newest: number, after: number, through: number) => {
      const upTo = published.filter(({ sequence }) => sequence <= through);
      return upTo
        .filter((event) => {
          const own = upTo.filter(({ topic }) => topic === event.topic);
          return topics.includes(event.topic) && event.sequence > after && own.slice(-newest).includes(event);
        })
        .map(({ sequence }) => sequence);
    };
    const all = ['f.quiet', 'f.rare', 'f.busy'];
    const asked: [patterns: string[], topics: string[]][] = [
      [['f.busy'], ['f.busy']],
      [['f.*'], all],
      [
        ['f.rare', 'f.quiet', 'none.f', 'f.nothing'],
        ['f.rare', 'f.quiet'],
      ],
      [
        ['>', 'f.busy'],
        [...all, 'other'],
      ],
    ];
    for (const [patterns, topics] of asked)
      for (const newest of [2, 7, 40])
        for (const [from, to] of [
          [0, 67],
          [0, 45],
          [35, 60],
        ] as const) {
          const [after, through] = [from === 0 ? 0 : sequences[from]!, sequences[to]!];
          const query = { topics: patterns, newest, after, through, limit: 5 };
          const { events, lost } = await readAll(one, query);
          const found = events.filter(({ topic }) => topic !== 'other').map(({ sequence }) => sequence);
          assert.deepEqual(found, expected(topics, newest, after, through), JSON.stringify(query));
          assert.deepEqual([...lost], []);
        }
  });

  it('reads the newest few of a topic that has lost older ones, and of one that has had no more', async () => {
    const one = await node();
    const own = await publish(
      one,
      Array.from({ length: 70 }, () => 'g.long'),
    );
    const short = await publish(one, ['g.short', 'g.short']);
    const ask = async (topic: string, newest: number) => {
      const { events, lost } = await readAll(one, { topics: [topic], newest, limit: 100 });
      assert.deepEqual([...lost], []);
      return events.map(({ sequence }) => sequence);
    };
    assert.deepEqual(await ask('g.long', 20), own.slice(-20));
    assert.deepEqual(await ask('g.short', 20), short);
    const everything = await ask('g.long', 1_001);
    assert.ok(everything.length >= 50, `${everything.length} of 50 promised events are kept`);
    assert.deepEqual(everything, own.slice(-everything.length));
  });
}

interface Reading {
  readonly events: LogEvent[];
  readonly pages: number;
  /** Of all pages. */
  readonly lost: Map<string, number>;
}

/** Reads page after page up to the end of what the node has. */
export async function readAll(
  { backplane, tail }: RecordedNode,
  query: Partial<HistoryQuery> & Pick<HistoryQuery, 'topics' | 'limit'>,
): Promise<Reading> {
  const through = query.through ?? tail.events.at(-1)!.sequence;
  const events: LogEvent[] = [];
  const lost = new Map<string, number>();
  let after = query.after ?? 0;
  let pages = 0;
  for (; after < through; pages++) {
    const page = await read(backplane, { ...query, after, through });
    assert.ok(
      page.through > after && page.through <= through,
      `a page goes from ${after} to ${page.through}`,
    );
    assert.ok(page.events.length <= query.limit, 'a page keeps its limit');
    for (const event of page.events)
      assert.ok(event.sequence > after && event.sequence <= page.through, 'an event is on its page');
    events.push(...page.events);
    for (const [topic, sequence] of page.lost) lost.set(topic, Math.max(sequence, lost.get(topic) ?? 0));
    after = page.through;
  }
  return { events, pages, lost };
}

function read(backplane: Backplane, query: HistoryQuery): Promise<HistoryPage> {
  assert.ok(backplane.history, 'the backplane has a history');
  return backplane.history.page(query);
}
