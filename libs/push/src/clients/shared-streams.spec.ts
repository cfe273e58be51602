import type { CompressibleTopics } from '../access/compressible-topics.js';
import { Batch, LogEvent } from '../contracts/event.js';
import { Counts } from '../hub/counts.js';
import { websocketCodec } from '../wire/websocket.codec.js';
import { SharedStreams, StreamMember } from './shared-streams.js';

const form = {
  codec: websocketCodec,
  transport: 'websocket',
  compressor: () => ({
    reset: () => undefined,
    compress: (bytes: Buffer) => bytes,
    store: (bytes: Buffer) => bytes,
  }),
};

function streams(allow: (topics: readonly string[]) => boolean = () => true): SharedStreams {
  return new SharedStreams({ allow } as unknown as CompressibleTopics, { counts: new Counts([]) });
}

function batchOf(count = 1, bytes = 10): Batch {
  const data = JSON.stringify('x'.repeat(bytes));
  return new Batch(
    Array.from({ length: count }, (_, n) => new LogEvent('epoch', n + 1, { topic: 'news', data })),
  );
}

function give(member: StreamMember, audience: string | undefined, batch = batchOf()): boolean {
  const reader = { counted: audience, topics: audience === undefined ? [] : [audience] };
  return member.bytesOf(batch.bytes(websocketCodec), batch, reader) !== undefined;
}

describe('The streams of a node', () => {
  it('are there for audiences with members, and for no others', () => {
    const all = streams();
    const members = Array.from({ length: 3 }, () => new StreamMember(all, form));
    for (const member of members) give(member, 'news');
    expect(all.size).toBe(1);
    give(members[0]!, 'sport');
    expect(all.size).toBe(2);
    give(members[0]!, 'news');
    expect(all.size).toBe(1);
    for (const member of members) member.leave();
    members[0]!.leave();
    expect(all.size).toBe(0);
  });

  it('compress for two or more, or what is long', () => {
    const all = streams();
    const [one, other] = [new StreamMember(all, form), new StreamMember(all, form)];
    expect(give(one, 'news')).toBe(false);
    expect(give(one, 'news', batchOf(1, 1_100))).toBe(true);
    give(other, 'news');
    const batch = batchOf();
    expect([give(one, 'news', batch), give(other, 'news', batch)]).toEqual([true, true]);
  });

  it('leave out what would hold the event loop for long', () => {
    const all = streams();
    const members = [new StreamMember(all, form), new StreamMember(all, form)];
    for (const member of members) give(member, 'news');
    expect(give(members[0]!, 'news', batchOf(65))).toBe(false);
    expect(give(members[0]!, 'news', batchOf(1, 70_000))).toBe(false);
  });

  it('are asked once for each audience whether its topics may be compressed', () => {
    const asked: (readonly string[])[] = [];
    const all = streams((topics) => {
      asked.push(topics);
      return false;
    });
    for (let count = 0; count < 3; count++) give(new StreamMember(all, form), 'rooms.1', batchOf(1, 2_000));
    expect(asked).toEqual([['rooms.1']]);
    expect(all.size).toBe(0);
  });
});
