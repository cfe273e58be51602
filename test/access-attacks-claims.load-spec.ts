import { JwtService } from '@nestjs/jwt';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import WebSocket from 'ws';
import { count, httpUrl, jwt, member, survives, target, url } from './support/attacked-news.js';
import { openSse, openStream } from './support/sse-reader.js';
import { openWs } from './support/ws-client.js';

/*
 * The hostile client lies: about who it is, and by text that would be a header, an event or a prototype if anybody believed it.
 * Meanwhile a client that behaves gets every event.
 */

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
