import { deflateRawSync } from 'node:zlib';
import { count, member, survives, target, url } from './support/attacked-news.js';
import type { RawSocket } from './support/raw-socket.js';
import { openWs } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';

/*
 * The hostile client writes frames and messages: wrong ones, too many, huge ones. Meanwhile a client that behaves gets every
 * event.
 */

const megabyte = 1024 * 1024;

/** A WebSocket whose client writes bytes. */
async function openBare(...headers: string[]): Promise<RawSocket> {
  const raw = await openHandshake(target.port, '/push', ...headers);
  await raw.untilText('hello');
  return raw;
}

/** The code of the close frame by which the server has ended a connection. */
function closeCodeOf(raw: RawSocket): number {
  const bytes = raw.received;
  for (let at = bytes.length - 4; at >= 0; at--) {
    const size = bytes.length - at - 2;
    if (bytes[at] === 0x88 && bytes[at + 1] === size) return bytes.readUInt16BE(at + 2);
  }
  throw new Error(`It was not closed by a frame: ${bytes.toString('latin1').slice(-100)}`);
}

describe('frames that are none', () => {
  const oversized = Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  const lastBytes = (...bytes: number[]) => Buffer.from(bytes);

  it.each([
    ['unmasked', clientFrame('{}', { isMasked: false }), 1002],
    ['with a reserved bit', clientFrame('{}', { reserved: 0x20 }), 1002],
    ['of an unknown kind', clientFrame('{}', { opcode: 5 }), 1002],
    ['compressed, and not to be unpacked', clientFrame('no deflate', { reserved: 0x40 }), 1007],
    ['said to have a terabyte', oversized, 1009],
    ['larger than allowed', Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4]), 1009],
    ['a ping in pieces', clientFrame('', { opcode: 9, isFinal: false }), 1002],
    ['a ping that is too long', clientFrame('x'.repeat(126), { opcode: 9 }), 1002],
    ['a piece of nothing', clientFrame('x', { opcode: 0 }), 1002],
    ['no UTF-8', clientFrame(lastBytes(0x7b, 0xc3, 0x28, 0x7d)), 1007],
    ['half a surrogate', clientFrame(lastBytes(0xed, 0xa0, 0x80)), 1007],
    ['a close with half a code', clientFrame(lastBytes(3), { opcode: 8 }), 1002],
    ['a close with a code that nobody may send', clientFrame(lastBytes(3, 0xed), { opcode: 8 }), 1002],
    ['a close with a reason that is no UTF-8', clientFrame(lastBytes(3, 0xe8, 0xff), { opcode: 8 }), 1007],
  ])('%s, from 20 clients at a time', async (_, bytes, code) => {
    await survives(async () => {
      const clients = await Promise.all(
        count(20).map(() => openBare('Sec-WebSocket-Extensions: permessage-deflate')),
      );
      for (const client of clients) client.send(bytes);
      for (const client of clients) {
        await client.untilClosed();
        expect(closeCodeOf(client)).toBe(code);
      }
    });
  });
});

describe('floods', () => {
  it.each([
    ['pings', clientFrame('x'.repeat(125), { opcode: 9 }), undefined],
    ['pongs', clientFrame('', { opcode: 10 }), 1013],
    ['binary frames', clientFrame(Buffer.alloc(1_000), { opcode: 2 }), 1013],
    ['empty messages', clientFrame(''), 1013],
    ['pieces of a message without end', clientFrame('', { opcode: 0, isFinal: false }), 1008],
  ])('of %s: 20 clients, 20,000 each', async (_, bytes, code) => {
    await survives(async () => {
      const flood = Buffer.concat(count(1_000).map(() => bytes));
      const clients = await Promise.all(count(20).map(() => openBare()));
      for (const client of clients) {
        if (code === 1008) client.send(clientFrame('', { isFinal: false }));
        for (let n = 0; n < 20; n++) client.send(flood);
      }
      for (const client of clients) {
        await client.untilClosed();
        // Of pings only so many wait to be answered: then the connection is dropped without a word.
        if (code) expect(closeCodeOf(client)).toBe(code);
      }
    });
  });

  it('of subscribe messages: 5 clients, 10,000 each at once', async () => {
    await survives(async () => {
      const clients = await Promise.all(count(5).map(() => openWs(url(), member('flooder'))));
      const flood = count(10_000).map((n) =>
        JSON.stringify({ event: 'subscribe', data: { topics: [`news.${n}`] } }),
      );
      for (const client of clients) for (const message of flood) client.send(message);
      for (const client of clients) {
        expect((await client.untilClosed()).code).toBe(1013);
        expect(client.all('subscribed').length).toBeLessThanOrEqual(256);
      }
    });
  });
});

describe('messages', () => {
  it('that are huge, or nested without end', async () => {
    const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);
    const wide = `[${'[],'.repeat(20_000)}[]]`;
    await survives(async () => {
      const client = await openWs(url(), member('ann'));
      const values = [nested('[', ']', 30_000), nested('{"a":', '}', 8_000).replace(':}', ':1}'), wide];
      const junk = [
        '[',
        '{"event":',
        '"'.repeat(60_000),
        '1e999',
        '\u0000',
        '[]',
        'null',
        '7',
        '""',
        ...values,
      ];
      for (const value of values)
        client.send(`{"event":"publish","data":{"topic":"rooms.ann","data":${value}}}`);
      for (const message of junk) client.send(message);
      await client.until(() => client.messages.length === 1 + values.length + junk.length);
      expect(client.all('published')).toHaveLength(1);
      const codes = new Set(client.all('error').map(({ code }) => code));
      expect([...codes]).toEqual(['INVALID_MESSAGE']);
      client.socket.terminate();
    });
  });

  it('that pack a hundred megabytes: 100 clients', async () => {
    const bomb = deflateRawSync(Buffer.alloc(100 * megabyte, 0x20), { finishFlush: 2 }).subarray(0, -4);
    const frames: Buffer[] = [];
    for (let at = 0; at < bomb.length; at += 50_000) {
      const piece = bomb.subarray(at, at + 50_000);
      const isFinal = at + 50_000 >= bomb.length;
      frames.push(clientFrame(piece, { opcode: at === 0 ? 1 : 0, reserved: at === 0 ? 0x40 : 0, isFinal }));
    }
    await survives(async () => {
      const clients = await Promise.all(
        count(100).map(() => openBare('Sec-WebSocket-Extensions: permessage-deflate')),
      );
      for (const client of clients) client.send(Buffer.concat(frames));
      for (const client of clients) {
        await client.untilClosed();
        expect(closeCodeOf(client)).toBe(1009);
      }
    });
  });

  it('that want the whole past again and again', async () => {
    for (let topic = 0; topic < 50; topic++)
      await target.ask('publish', { topic: `news.past.${topic}`, count: 1_000 });
    await survives(async () => {
      const clients = await Promise.all(count(3).map((n) => openWs(url(), member(`greedy ${n}`))));
      for (const client of clients) {
        await client.subscribe('news.past.*', 'earliest');
        for (let n = 0; n < 900; n++)
          client.send({
            event: 'subscribe',
            data: { ref: `${n}`, topics: ['news.past.*'], from: 'earliest' },
          });
      }
      for (const client of clients) {
        await client.until(() => client.all('live').length === 901);
        expect(client.data).toHaveLength(50_000);
        client.socket.terminate();
      }
    });
  });

  it('of a client that reads nothing, and says that it lives', async () => {
    await survives(async () => {
      const clients = await Promise.all(count(20).map(() => openBare()));
      const ask = (event: string, data: object) => clientFrame(JSON.stringify({ event, data }));
      const all = { topics: ['news.past.*'], from: 'earliest' };
      const names = count(1_000).map((n) => `news.${n}`);
      for (const client of clients) {
        client.socket.pause();
        client.send(ask('subscribe', all));
        for (let n = 0; n < 950; n++) {
          client.send(ask('subscribe', { ...all, topics: [`news.past.${n % 200}`] }));
          client.send(ask('unsubscribe', { topics: names }));
          client.send(clientFrame('', { opcode: 10 }));
        }
      }
      await target.ask('publish', { topic: 'news.past.0', count: 1_000 });
      for (const client of clients) client.reset();
    });
  });
});
