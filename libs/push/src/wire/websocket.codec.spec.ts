import { assert, array, integer, jsonValue, property } from 'fast-check';
import * as ws from 'ws';
import type { Writable } from 'node:stream';
import { endMeta } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import { bufferOf, LogEvent } from '../contracts/event.js';
import { taggedMeta } from '../contracts/event-meta.js';
import { snapshotMeta } from '../contracts/snapshot.js';
import { frame, messageText, websocketCodec } from './websocket.codec.js';
import { drainMessage, errorMessage, gapMessage, heartbeatMessage } from './websocket.messages.js';

function event(data: unknown, sequence = 118, type?: string): LogEvent {
  return new LogEvent('9f2c41d07b3e', sequence, { topic: 'orders.42', type, data: JSON.stringify(data) });
}

/** How a client of ws reads frames; its types leave it out. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

/** The messages that a client reads. */
function received(bytes: Buffer): string[] {
  const messages: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    messages.push(`${isBinary}:${data.toString()}`),
  );
  receiver.write(bytes);
  return messages;
}

describe('The end of a topic, over a WebSocket (PROTOCOL.md, "Finite topics")', () => {
  const end = (data: 'event' | 'none' | 'result', sequence = 118) => {
    const meta = endMeta({ reason: 'done', data });
    return new LogEvent('9f2c41d07b3e', sequence, { topic: 'runs.42', data: '"x"', meta });
  };
  const message = '"topic":"runs.42","id":"9f2c41d07b3e-118"';
  const ended = `false:{"event":"ended","data":{${message},"reason":"done"}}`;

  it('is a message of its own, after the event that it is besides', () => {
    expect(received(websocketCodec.encode(end('none')))).toEqual([ended]);
    expect(received(websocketCodec.encode(end('result')))).toEqual([ended]);
    expect(received(websocketCodec.encode(end('event')))).toEqual([
      `false:{"event":"message","data":{${message},"data":"x"}}`,
      ended,
    ]);
    expect(received(websocketCodec.encode(end('none', 0)))).toEqual([
      'false:{"event":"ended","data":{"topic":"runs.42","reason":"done"}}',
    ]);
  });
});

describe('The bytes of WebSocket frames (RFC 6455, section 5.2)', () => {
  it.each([
    [0, '8100'],
    [1, '8101'],
    [125, '817d'],
    [126, '817e007e'],
    [65_535, '817effff'],
    [65_536, '817f0000000000010000'],
  ])('a text of %d bytes is one unmasked final text frame', (length, header) => {
    const bytes = frame('x'.repeat(length));
    expect(bytes.toString('hex', 0, header.length / 2)).toBe(header);
    expect(bytes.toString('utf8', header.length / 2)).toBe('x'.repeat(length));
  });

  it.each(['x', 'ä'])(
    'a single event is written in one go as it would be joined, of any length (%s)',
    (letter) => {
      for (const length of [1, 20, 100, 125, 126, 250, 65_400, 65_535, 65_536]) {
        const single = event(letter.repeat(length));
        expect(bufferOf(websocketCodec.single(single))).toEqual(websocketCodec.encode(single));
      }
    },
  );

  it.each([
    [118, '{"event":"snapshot","data":{"topic":"orders.42","id":"9f2c41d07b3e-118","data":{"a":1}}}'],
    [0, '{"event":"snapshot","data":{"topic":"orders.42","data":{"a":1}}}'],
  ])('a snapshot (sequence %d) is a message of its own', (sequence, message) => {
    const [epoch, topic] = ['9f2c41d07b3e', 'orders.42'];
    const meta = snapshotMeta;
    const event = new LogEvent(epoch, sequence, { topic, data: '{"a":1}', meta });
    expect(messageText(event)).toBe(message);
  });

  it('an event has the tag that its publisher has given it', () => {
    const content = { topic: 'orders.42', type: 't', data: '1', meta: taggedMeta('own "1"') };
    expect(messageText(new LogEvent('9f2c41d07b3e', 118, content))).toBe(
      '{"event":"message","data":{"topic":"orders.42","id":"9f2c41d07b3e-118","type":"t","tag":"own \\"1\\"","data":1}}',
    );
  });

  it.each([
    [118, '{"event":"removed","data":{"topic":"orders.42","id":"9f2c41d07b3e-118"}}'],
    [0, '{"event":"removed","data":{"topic":"orders.42"}}'],
  ])('says of a removal (sequence %d) no more than its topic and id', (sequence, message) => {
    const meta = { removed: true };
    const removal = new LogEvent('9f2c41d07b3e', sequence, {
      topic: 'orders.42',
      type: 'x',
      data: 'null',
      meta,
    });
    expect(messageText(removal)).toBe(message);
  });

  it('counts bytes, not characters', () => {
    expect(frame('ä🙂').toString('hex')).toBe('8106c3a4f09f9982');
  });

  it('is read by a client message by message, however many are joined', () => {
    assert(
      property(array(jsonValue()), integer({ min: 1, max: 70_000 }), (values, padding) => {
        const events = [...values, 'x'.repeat(padding)].map((value) => event(value));
        const joined = websocketCodec.join(events.map((each) => websocketCodec.encode(each)));
        expect(received(joined)).toEqual(events.map((each) => `false:${messageText(each)}`));
      }),
      { numRuns: 50 },
    );
  });
});

describe('The messages of the server (PROTOCOL.md, "What the server says")', () => {
  it.each<[string, LogEvent, string]>([
    ['all of it', event({ a: 1 }, 118, 'paid'), '"id":"9f2c41d07b3e-118","type":"paid","data":{"a":1}'],
    ['no type', event('x\n'), '"id":"9f2c41d07b3e-118","data":"x\\n"'],
    ['ephemeral', event(null, 0), '"data":null'],
    ['a type that needs quotes', event(1, 0, 'a"b'), '"type":"a\\"b","data":1'],
  ])('an event: %s', (_, published, rest) => {
    const message = `{"event":"message","data":{"topic":"orders.42",${rest}}}`;
    expect(messageText(published)).toBe(message);
    expect(websocketCodec.encode(published)).toEqual(frame(message));
    expect(JSON.parse(message)).toMatchObject({ event: 'message' });
  });

  it.each([
    [
      gapMessage({ reason: 'slow', topics: ['a.>'], id: 'e-7' }),
      '{"event":"gap","data":{"reason":"slow","topics":["a.>"],"id":"e-7"}}',
    ],
    [
      gapMessage({ reason: 'evicted', topics: ['a'], id: 'e-7', snapshot: true }),
      '{"event":"gap","data":{"reason":"evicted","topics":["a"],"id":"e-7","snapshot":true}}',
    ],
    [heartbeatMessage('e-7'), '{"event":"heartbeat","data":{"id":"e-7"}}'],
    [drainMessage(1_234), '{"event":"drain","data":{"delay":1234}}'],
    [
      errorMessage(new PushError('INVALID_MESSAGE', 'No.'), 'r', ['x must be y']),
      '{"event":"error","data":{"ref":"r","code":"INVALID_MESSAGE","message":"No.","retryable":false,' +
        '"details":["x must be y"]}}',
    ],
    [
      errorMessage(new PushError('UNAVAILABLE', 'Wait.')),
      '{"event":"error","data":{"code":"UNAVAILABLE","message":"Wait.","retryable":true}}',
    ],
  ])('%j', (message, text) => expect(JSON.stringify(message)).toBe(text));
});
