import { CloseCode, type PushOptions } from 'nestjs-push';
import { startOpen } from './support/open-app.js';
import { platformsWithHttp2 } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';

describe.each(platformsWithHttp2)('WebSocket on %s', (platform) => {
  const start = (options?: PushOptions) => startOpen(platform, options);

  describe('what it refuses', () => {
    it.each<[what: string, message: string, says: RegExp]>([
      ['nothing', '', /not JSON/],
      ['broken JSON', '{"event":', /not JSON/],
      ['null', 'null', /subscribe, unsubscribe/],
      ['a number', '7', /subscribe, unsubscribe/],
      ['a string', '"subscribe"', /subscribe, unsubscribe/],
      ['an array', '["subscribe"]', /subscribe, unsubscribe/],
      ['no event', '{"data":{"ref":"r"}}', /subscribe, unsubscribe/],
      ['an unknown event', '{"event":"nonsense","data":{"ref":"r"}}', /subscribe, unsubscribe/],
      ['a name of Object.prototype', '{"event":"constructor","data":{}}', /subscribe, unsubscribe/],
      ['another', '{"event":"__proto__"}', /subscribe, unsubscribe/],
      ['data that is null', '{"event":"subscribe","data":null}', /object/],
      ['data that is a list', '{"event":"subscribe","data":["a.1"]}', /object/],
      ['data that is text', '{"event":"unsubscribe","data":"a.1"}', /object/],
    ])('%s', async (_, message, says) => {
      const client = await openWs((await start()).webSocketUrl());
      client.send(message);
      expect(await client.next('error')).toEqual({
        code: 'INVALID_MESSAGE',
        message: expect.stringMatching(says) as string,
        retryable: false,
        ...(message.includes('ref') && { ref: 'r' }),
      });
      expect(await client.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
    });

    it.each<[string, object, RegExp]>([
      ['no topics', {}, /topics/],
      ['empty topics', { topics: [] }, /topics/],
      ['topics as text', { topics: 'a.1' }, /topics/],
      ['topics as an object', { topics: { length: 1, 0: 'a.1' } }, /topics/],
      ['topics of other types', { topics: ['a.1', 7] }, /topics/],
      ['nested topics', { topics: [['a.1']] }, /topics/],
      ['a long topic', { topics: ['a.'.padEnd(256, 'x')] }, /topics/],
      ['many topics', { topics: Array.from({ length: 1_001 }, (_, n) => `a.${n}`) }, /topics/],
      ['from that is no text', { topics: ['a.1'], from: 7 }, /from/],
      ['a long from', { topics: ['a.1'], from: 'x'.repeat(65) }, /from/],
    ])('%s, with the reasons', async (_, data, says) => {
      const client = await openWs((await start()).webSocketUrl());
      const answer = await client.ask('subscribe', data);
      expect(answer).toMatchObject({ event: 'error', code: 'INVALID_MESSAGE', retryable: false });
      expect(answer.details).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
    });

    it.each<[string, unknown]>([
      ['a ref that is no text', 7],
      ['a long ref', 'x'.repeat(65)],
      ['a ref that is an object', { toString: 'x' }],
    ])('%s', async (_, ref) => {
      const client = await openWs((await start()).webSocketUrl());
      client.send({ event: 'subscribe', data: { topics: ['a.1'], ref } });
      expect(await client.next('error')).toMatchObject({
        code: 'INVALID_MESSAGE',
        details: expect.arrayContaining([expect.stringMatching(/ref/)]) as unknown,
      });
    });

    it.each<[string, string[], string]>([
      ['a topic that nobody opened', ['a.1', 'secret'], 'FORBIDDEN'],
      ['a pattern wider than what is open', ['>'], 'FORBIDDEN'],
      ['what looks like it', ['b.>'], 'FORBIDDEN'],
      ['a bad topic', ['a.1', 'a..b'], 'INVALID_TOPIC'],
      ['a bad pattern', ['a.>.b'], 'INVALID_TOPIC'],
      ['an injection', ['a.\n'], 'INVALID_TOPIC'],
      ['too many topics', ['a.1', 'a.2', 'a.3', 'a.4'], 'LIMIT_EXCEEDED'],
    ])('%s, and subscribes to none', async (_, wanted, code) => {
      const app = await start({ websocket: { maxTopics: 3 } });
      const client = await openWs(app.webSocketUrl());
      expect(await client.ask('subscribe', { topics: wanted })).toMatchObject({
        event: 'error',
        code,
        retryable: false,
      });
      expect(app.bus.stats().subscriptions).toBe(0);
    });

    it('more topics than a connection may have, over all its messages', async () => {
      const app = await start({ websocket: { maxTopics: 3 } });
      const client = await openWs(app.webSocketUrl());
      await client.subscribe(['a.1', 'a.2']);
      expect(await client.subscribe(['a.2', 'a.3'])).toMatchObject({ event: 'subscribed' });
      expect(await client.subscribe(['a.4'])).toMatchObject({ code: 'LIMIT_EXCEEDED' });
      await client.ask('unsubscribe', { topics: ['a.1'] });
      expect(await client.subscribe(['a.4'])).toMatchObject({ event: 'subscribed' });
    });

    it('binary messages', async () => {
      const client = await openWs((await start()).webSocketUrl());
      client.socket.send(Buffer.from('{"event":"subscribe"}'));
      expect(await client.next('error')).toMatchObject({
        code: 'INVALID_MESSAGE',
        message: expect.stringMatching(/binary/),
      });
      expect(await client.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
    });
  });

  describe('frames that break the protocol', () => {
    it('too large: 1009', async () => {
      const app = await start({ websocket: { maxMessageBytes: 1_000 } });
      const client = await openWs(app.webSocketUrl());
      client.send(JSON.stringify({ event: 'subscribe', data: { topics: ['a.1'], ref: 'x'.repeat(940) } }));
      await client.next('error');
      client.send('x'.repeat(1_001));
      expect(await client.untilClosed()).toMatchObject({ code: CloseCode.MessageTooBig });
      await eventually(() => app.bus.stats().connections === 0);
    });

    it.each<[string, number, Buffer]>([
      ['no UTF-8', 1007, clientFrame(Buffer.from([0x22, 0xff, 0xfe, 0x22]))],
      ['an unmasked frame', 1002, clientFrame('{}', { isMasked: false })],
      ['an unknown opcode', 1002, clientFrame('{}', { opcode: 3 })],
      ['compression that nobody agreed on', 1002, clientFrame('{}', { reserved: 0x40 })],
      ['a continuation of nothing', 1002, clientFrame('{}', { opcode: 0 })],
      ['a ping that is too long', 1002, clientFrame('x'.repeat(126), { opcode: 9 })],
    ])('%s: %i', async (_, code, bytes) => {
      const app = await start();
      const raw = await openHandshake(app.port);
      await raw.untilText('"hello"');
      const greeting = raw.received.length;
      raw.send(bytes);
      await raw.until(() => raw.received.length >= greeting + 4);
      const close = raw.received.subarray(greeting);
      expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, code]);
      await eventually(() => app.bus.stats().connections === 0);
    });

    it('text in fragments is no such thing', async () => {
      const app = await start();
      const raw = await openHandshake(app.port);
      await raw.untilText('"hello"');
      raw.send(clientFrame('{"event":"subscribe","da', { isFinal: false }));
      raw.send(clientFrame('', { opcode: 9 }));
      raw.send(clientFrame('ta":{"topics":["a.1"]}}', { opcode: 0 }));
      await raw.untilText('"subscribed"');
    });
  });
});
