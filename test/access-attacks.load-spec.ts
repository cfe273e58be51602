import { JwtService } from '@nestjs/jwt';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { deflateRawSync } from 'node:zlib';
import WebSocket from 'ws';
import { NewsProcess } from './support/news-process.js';
import type { RawSocket } from './support/raw-socket.js';
import { openSse, openStream } from './support/sse-reader.js';
import { openWs } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';
import { assertSurvives } from './support/witness.js';

/*
 * The hostile client, against an application with the default limits, in a process of its own. During each attack a client
 * that behaves has to get every event, over both transports, on connections that stay.
 */

const megabyte = 1024 * 1024;
const secret = 'a secret of these tests only, 32 bytes or more';
const jwt = new JwtService({ secret });

let target: NewsProcess;

beforeAll(async () => {
  const push = { limits: { handshakeTimeout: 1_000 } };
  target = await NewsProcess.launch({ secret, push });
}, 30_000);

afterAll(() => target.child.kill());

const survives = (attack: () => Promise<unknown>) => assertSurvives(target, attack);

const url = (path = '/push') => `ws://127.0.0.1:${target.port}${path}`;
const httpUrl = (path: string) => `http://127.0.0.1:${target.port}${path}`;
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
const member = (name: string) => bearer(jwt.sign({ sub: name }, { expiresIn: '1h' }));
const count = (length: number) => Array.from({ length }, (_, index) => index);

/** A WebSocket whose client writes bytes. */
async function openBare(...headers: string[]): Promise<RawSocket> {
  const raw = await openHandshake(target.port, '/push', ...headers);
  await raw.untilText('hello');
  return raw;
}

/** What an HTTP request is answered: a `POST` if it has a body. */
async function ask(
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<IncomingMessage> {
  const asked = request(httpUrl(path), {
    agent: false,
    headers,
    method: body === undefined ? 'GET' : 'POST',
  });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

/** The status that a client gets at either door; 101 or 200 if it is let in, and then it leaves. */
async function statusOf(path: string, headers: Record<string, string> = {}): Promise<number> {
  if (path.startsWith('/push/')) {
    const response = await ask(path, headers);
    response.destroy();
    return response.statusCode!;
  }
  const client = new WebSocket(url(path), { headers });
  client.on('error', () => undefined);
  const [response] = (await Promise.race([
    once(client, 'upgrade'),
    once(client, 'unexpected-response').then(([, refusal]) => [refusal as IncomingMessage]),
  ])) as [IncomingMessage];
  client.terminate();
  return response.statusCode!;
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

describe('connections', () => {
  const opened = (socket: Socket) => new Promise((resolve) => socket.once('connect', resolve));
  const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

  /** Connects so many sockets that say `text`, and nothing after that. */
  async function silent(length: number, text: () => string): Promise<Socket[]> {
    const sockets: Socket[] = [];
    // In groups: a queue of connections that nobody has accepted yet is short.
    for (let group = 0; group < length; group += 250) {
      const more = count(250).map(() => connect(target.port, '127.0.0.1').on('error', () => undefined));
      sockets.push(...more);
      await Promise.all(more.map(opened));
      for (const socket of more) socket.resume().write(text());
    }
    return sockets;
  }

  it('5,000 that say nothing, and 500 that never come to an end, are dropped', async () => {
    await survives(async () => {
      const sockets = await silent(5_000, () => '');
      const slow = await silent(500, () => 'GET /push HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n');
      const trickle = setInterval(() => slow.forEach((socket) => socket.write('X-A: b\r\n')), 100);
      await Promise.all([...sockets, ...slow].map((socket) => socket.closed || closed(socket)));
      clearInterval(trickle);
    });
  });

  it('2,000 WebSockets that say nothing: no more than an address may have, the others are told', async () => {
    await survives(async () => {
      const handshake = [
        'GET /push HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      ].join('');
      const sockets: Socket[] = [];
      const statuses: Promise<string>[] = [];
      for (let group = 0; group < 8; group++) {
        const more = await silent(250, () => handshake);
        sockets.push(...more);
        statuses.push(
          ...more.map((socket) => once(socket, 'data').then(([bytes]) => String(bytes).slice(9, 12))),
        );
        await Promise.all(statuses);
      }
      const answers = await Promise.all(statuses);
      expect(new Set(answers)).toEqual(new Set(['101', '429']));
      expect(answers.filter((status) => status === '101').length).toBeLessThanOrEqual(1_000);
      for (const socket of sockets) socket.destroy();
    });
  });

  it('2,000 that are reset while they are let in', async () => {
    const token = `Authorization: Bearer ${jwt.sign({ sub: 'ann' }, { expiresIn: '1h' })}`;
    await survives(async () => {
      for (let group = 0; group < 20; group++) {
        const sockets = await Promise.all(count(100).map(() => openHandshake(target.port, '/push', token)));
        for (const socket of sockets) socket.reset();
      }
    });
  });
});

describe('what clients claim', () => {
  const unsigned = (head: object, body: object) =>
    `${[head, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
  const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;

  it.each([
    ['a token without signature', unsigned({ alg: 'none', typ: 'JWT' }, { sub: 'ann', exp: inAnHour })],
    [
      'a token of another key',
      new JwtService({ secret: 'forged' }).sign({ sub: 'ann' }, { expiresIn: '1h' }),
    ],
    ['an expired token', jwt.sign({ sub: 'ann' }, { expiresIn: -1 })],
    ['a token that was changed', `${jwt.sign({ sub: 'ann' }, { expiresIn: '1h' }).slice(0, -4)}AAAA`],
    ['nonsense', 'x'.repeat(8_000)],
  ])('%s lets nobody in, however often it is tried', async (_, token) => {
    await survives(async () => {
      for (let round = 0; round < 4; round++) {
        const answers = await Promise.all([
          ...count(25).map(() => statusOf('/push', { Authorization: `Bearer ${token}` })),
          ...count(25).map(() => statusOf('/push/events?topic=news.x', { Authorization: `Bearer ${token}` })),
        ]);
        expect(new Set(answers)).toEqual(new Set([401]));
      }
    });
  });

  it('a ticket lets in one of a hundred that bring it at once, and is logged nowhere', async () => {
    await survives(async () => {
      const issued = await target.ask<{ ticket: string }>('ticket', { principal: { id: 'ann' } });
      const said = target.child.output.split(issued.ticket).length;
      const doors = count(100).map(
        (n) => `${n % 2 ? '/push' : '/push/events'}?topic=rooms.ann&ticket=${issued.ticket}`,
      );
      const answers = await Promise.all(doors.map((path) => statusOf(path)));
      expect(answers.filter((status) => status !== 401)).toHaveLength(1);
      const guesses = count(100).map(() => randomBytes(48).toString('base64url'));
      const wrong = guesses.map((guess) => statusOf(`/push/events?topic=news.x&ticket=${guess}`));
      expect(new Set(await Promise.all(wrong))).toEqual(new Set([401]));
      expect(target.child.output.split(issued.ticket)).toHaveLength(said);
    });
  });

  it('a foreign page opens no WebSocket', async () => {
    await survives(async () => {
      const origins = [
        'https://evil.example',
        'null',
        'http://127.0.0.1.evil.example',
        'file://',
        'http://127.0.0.1:1',
      ];
      const answers = origins.map((Origin) => statusOf('/push', { Origin }));
      expect(await Promise.all(answers)).toEqual([403, 403, 403, 403, 403]);
    });
  });

  it('topics: what is denied looks the same, whether it is there or not', async () => {
    await target.ask('publish', { topic: 'rooms.bob', count: 10 });
    await survives(async () => {
      const ann = await openWs(url(), member('ann'));
      const answers = new Set<string>();
      const looks = (answer: object, topic: string) => JSON.stringify(answer).replaceAll(topic, 'TOPIC');
      for (const topic of [
        'rooms.bob',
        'rooms.nobody',
        'nothing.here',
        'rooms.*',
        'rooms.>',
        '>',
        '*',
        'Rooms.ann',
      ]) {
        for (const from of ['now', 'earliest', 'last', '000000000000-1']) {
          ann.send({ event: 'subscribe', data: { ref: 'same', topics: [topic], from } });
          answers.add(looks(await ann.next('error', ann.all('error').length), topic));
        }
        const response = await ask(`/push/events?topic=${topic}`, member('ann').headers);
        answers.add(looks([response.statusCode, await text(response)], topic));
      }
      expect(answers.size).toBe(2);
      ann.socket.terminate();
    });
  });
});

describe('injection', () => {
  const breaks = ['\r\n', '\n', '\r', '\u0000', '\u2028', '\r\n\r\n', '%0d%0a', '\n\ndata: forged\n\n'];

  it('no line of a header or a stream comes from a topic, a type, an id, data or the query', async () => {
    await survives(async () => {
      const ann = await openWs(url(), member('ann'));
      const reader = await openStream(httpUrl('/push/events?topic=rooms.ann'), member('ann'));
      await ann.subscribe('rooms.ann');
      for (const end of breaks) {
        const forged = `a${end}event: forged${end}X-Forged: 1`;
        const publish = { topic: 'rooms.ann', data: forged };
        const wrongs = [{ topic: `rooms.${forged}` }, { type: `push.${end}` }];
        // What ends no line may be in a type.
        for (const wrong of /[\r\n\0]/.test(end) ? [...wrongs, { type: forged }] : wrongs)
          expect(await ann.ask('publish', { ...publish, ...wrong })).toMatchObject({ event: 'error' });
        expect(await ann.ask('publish', { ...publish, messageId: forged })).toMatchObject({
          event: 'published',
        });
        const query = new URLSearchParams({ topic: 'rooms.ann', from: forged, lastEventId: forged });
        for (const wrong of [
          `topic=${encodeURIComponent(forged)}`,
          `${query}`,
          `topic=rooms.ann&${encodeURIComponent(forged)}=1`,
        ]) {
          const stream = await openSse(httpUrl(`/push/events?${wrong}`), member('ann'));
          if (stream.status === 200) await stream.until(() => stream.body.includes('retry:'));
          else await stream.untilEnd();
          expect(stream.body).not.toMatch(/(?:^|[\r\n])(?:event: forged|X-Forged|data: forged)/);
          expect(Object.keys(stream.response.headers)).not.toContain('x-forged');
          stream.drop();
        }
      }
      await reader.untilEvents(breaks.length);
      const got = reader.data.map((data) => (JSON.parse(data) as { data: string }).data);
      expect(got).toEqual(breaks.map((end) => `a${end}event: forged${end}X-Forged: 1`));
      expect(await ann.untilData(breaks.length)).toEqual(got);
      ann.socket.terminate();
      reader.drop();
    });
  });

  it('no prototype is reached', async () => {
    const reaches = [
      '{"__proto__":{"isAdmin":true}}',
      '{"constructor":{"prototype":{"isAdmin":true}}}',
      '{"event":"publish","data":{"__proto__":{"isAdmin":true},"topic":"rooms.ann","data":1}}',
      '{"event":"publish","data":{"topic":"rooms.ann","data":{"constructor":{"prototype":{"isAdmin":true}}}}}',
      '{"event":"subscribe","data":{"topics":["rooms.ann"],"constructor":{"prototype":{"isAdmin":true}}}}',
      '{"event":"__proto__","data":{}}',
      '{"event":"constructor","data":{}}',
      '{"event":"subscribe","data":{"topics":{"__proto__":[],"length":1}}}',
      '{"event":"subscribe","data":{"topics":["__proto__","constructor.prototype"]}}',
    ];
    await survives(async () => {
      const ann = await openWs(url(), member('ann'));
      for (const message of reaches) ann.send(message);
      await ann.ask('unsubscribe', { topics: ['rooms.ann'] });
      expect(ann.all('error').map(({ code }) => code)).not.toContain('INTERNAL');
      for (const body of reaches) {
        const headers = { ...member('ann').headers, 'Content-Type': 'application/json' };
        for (const path of ['/push/publish', '/push/events'])
          expect((await ask(path, headers, body)).statusCode).toBe(400);
      }
      for (const query of [
        '__proto__[isAdmin]=1',
        'constructor[prototype][isAdmin]=1',
        '__proto__.isAdmin=1',
      ])
        await statusOf(`/push/events?topic=news.x&${query}`, member('ann').headers);
      expect(await target.ask('polluted')).toEqual({ keys: [], isAdmin: null });
      ann.socket.terminate();
    });
  });
});
