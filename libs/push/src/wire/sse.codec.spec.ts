import { assert, property, string, oneof, constantFrom, array, json } from 'fast-check';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { endMeta } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import { bufferOf, LogEvent } from '../contracts/event.js';
import { snapshotMeta } from '../contracts/snapshot.js';
import {
  chunk,
  chunkedSseCodec,
  chunkedSseEnvelopeCodec,
  plainData,
  sseCodec,
  sseEnd,
  sseEnvelopeCodec,
  sseError,
  sseGap,
  sseHeartbeat,
  sseMessageCodec,
  sseOpening,
} from './sse.codec.js';

function event(data: unknown, { sequence = 118, type }: { sequence?: number; type?: string } = {}): LogEvent {
  return new LogEvent('9f2c41d07b3e', sequence, { topic: 'orders.42', type, data: JSON.stringify(data) });
}

const text = (bytes: Buffer) => bytes.toString('utf8');

/** What a client that follows the HTML standard makes of the bytes. */
function parsed(bytes: Buffer): EventSourceMessage[] {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  parser.feed(text(bytes));
  return messages;
}

describe('The end of a topic, on an event stream (PROTOCOL.md, "Finite topics")', () => {
  const end = (data: 'event' | 'none' | 'result', sequence = 118) =>
    new LogEvent('9f2c41d07b3e', sequence, {
      topic: 'runs.42',
      type: 'part',
      data: '"x"',
      meta: endMeta({ reason: 'done', data }),
    });
  const ended = 'event: push.ended\nid: 9f2c41d07b3e-118\ndata: {"topic":"runs.42","reason":"done"}\n\n';

  it('is a block of its own, after the event that it is besides', () => {
    expect(text(sseCodec.encode(end('none')))).toBe(ended);
    expect(text(sseCodec.encode(end('result')))).toBe(ended);
    expect(text(sseCodec.encode(end('event')))).toBe(
      `event: part\nid: 9f2c41d07b3e-118\ndata: x\n\n${ended}`,
    );
    expect(text(sseEnvelopeCodec.encode(end('event')))).toBe(
      `event: part\nid: 9f2c41d07b3e-118\ndata: {"topic":"runs.42","data":"x"}\n\n${ended}`,
    );
  });

  it('has no id for a reader that comes after it', () => {
    expect(text(sseCodec.encode(end('none', 0)))).toBe(
      'event: push.ended\ndata: {"topic":"runs.42","reason":"done"}\n\n',
    );
  });

  it('is followed by the event whose id ends the stream', () => {
    expect(text(sseEnd())).toBe('event: push.end\nid: push.end\ndata: {}\n\n');
    expect(parsed(sseEnd())).toEqual([{ id: 'push.end', event: 'push.end', data: '{}' }]);
  });

  it('is one or two messages, where the stream has the messages of a WebSocket', () => {
    const message = '"topic":"runs.42","id":"9f2c41d07b3e-118"';
    const endMessage = `data: {"event":"ended","data":{${message},"reason":"done"}}\n\n`;
    expect(text(sseMessageCodec.encode(end('none')))).toBe(endMessage);
    expect(text(sseMessageCodec.encode(end('event')))).toBe(
      `data: {"event":"message","data":{${message},"type":"part","data":"x"}}\n\n${endMessage}`,
    );
  });
});

describe('The bytes of server-sent events (PROTOCOL.md, "Blocks")', () => {
  it.each<[string, LogEvent, string]>([
    ['an object', event({ a: 1 }), 'id: 9f2c41d07b3e-118\ndata: {"a":1}\n\n'],
    ['a string, as it is', event('hello'), 'id: 9f2c41d07b3e-118\ndata: hello\n\n'],
    ['an empty string', event(''), 'id: 9f2c41d07b3e-118\ndata: \n\n'],
    ['a string that begins with a space', event(' x'), 'id: 9f2c41d07b3e-118\ndata:  x\n\n'],
    ['null', event(null), 'id: 9f2c41d07b3e-118\ndata: null\n\n'],
    [
      'lines, however they end',
      event('a\nb\r\nc\rd\n'),
      'id: 9f2c41d07b3e-118\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n',
    ],
    [
      'line breaks within JSON',
      event({ a: '\r\n\0' }),
      'id: 9f2c41d07b3e-118\ndata: {"a":"\\r\\n\\u0000"}\n\n',
    ],
    [
      'what looks like a field',
      event('x\nid: 1\n\nevent: y'),
      'id: 9f2c41d07b3e-118\ndata: x\ndata: id: 1\ndata: \ndata: event: y\n\n',
    ],
    ['Unicode', event('ä\u2028🙂'), 'id: 9f2c41d07b3e-118\ndata: ä\u2028🙂\n\n'],
    ['a type', event(1, { type: 'paid' }), 'event: paid\nid: 9f2c41d07b3e-118\ndata: 1\n\n'],
    ['no id', event(1, { sequence: 0 }), 'data: 1\n\n'],
  ])('%s', (_, published, bytes) => {
    expect(text(sseCodec.encode(published))).toBe(bytes);
  });

  it.each([
    [118, 'event: push.snapshot\nid: 9f2c41d07b3e-118\ndata: {"topic":"orders.42","data":"a\\nb"}\n\n'],
    [0, 'event: push.snapshot\ndata: {"topic":"orders.42","data":"a\\nb"}\n\n'],
  ])('a snapshot (sequence %d), with and without envelope', (sequence, bytes) => {
    const [epoch, topic] = ['9f2c41d07b3e', 'orders.42'];
    const data = JSON.stringify('a\nb');
    const event = new LogEvent(epoch, sequence, { topic, data, meta: snapshotMeta });
    expect(sseCodec.encode(event).toString()).toBe(bytes);
    expect(sseEnvelopeCodec.encode(event).toString()).toBe(bytes);
  });

  it.each([
    [118, 'event: push.removed\nid: 9f2c41d07b3e-118\ndata: {"topic":"orders.42"}\n\n'],
    [0, 'event: push.removed\ndata: {"topic":"orders.42"}\n\n'],
  ])('a removal (sequence %d), with and without envelope', (sequence, bytes) => {
    const meta = { removed: true };
    const removal = new LogEvent('9f2c41d07b3e', sequence, {
      topic: 'orders.42',
      type: 'x',
      data: 'null',
      meta,
    });
    expect(text(sseCodec.encode(removal))).toBe(bytes);
    expect(text(sseEnvelopeCodec.encode(removal))).toBe(bytes);
  });

  it('a gap notice that resets state', () => {
    const notice = { reason: 'evicted', topics: ['a.*'], id: '9f2c41d07b3e-7', reset: true } as const;
    expect(text(sseGap(notice))).toBe(
      'event: push.gap\nid: 9f2c41d07b3e-7\ndata: {"reason":"evicted","topics":["a.*"],"id":"9f2c41d07b3e-7","reset":true}\n\n',
    );
  });

  it('names the topic in the envelope', () => {
    expect(text(sseEnvelopeCodec.encode(event('a\nb', { type: 't' })))).toBe(
      'event: t\nid: 9f2c41d07b3e-118\ndata: {"topic":"orders.42","data":"a\\nb"}\n\n',
    );
  });

  it('joins blocks as they are, or as one chunk of a chunked body (RFC 9112, section 7.1)', () => {
    const blocks = [event(1), event('ä')].map((each) => sseCodec.encode(each));
    const body = 'id: 9f2c41d07b3e-118\ndata: 1\n\nid: 9f2c41d07b3e-118\ndata: ä\n\n';
    expect(text(sseCodec.join(blocks))).toBe(body);
    expect(text(chunkedSseCodec.join(blocks))).toBe(`3d\r\n${body}\r\n`);
    expect(text(chunk([Buffer.from(':\n\n')]))).toBe('3\r\n:\n\n\r\n');
  });

  it('makes a single event in one go, as it would be joined', () => {
    const codecs = [sseCodec, chunkedSseCodec, sseEnvelopeCodec, chunkedSseEnvelopeCodec];
    assert(
      property(constantFrom(...codecs), json(), (codec, data) => {
        const single = new LogEvent('e', 7, { topic: 'orders.ä', type: 'note', data });
        expect(bufferOf(codec.single(single))).toEqual(codec.join([codec.encode(single)]));
      }),
    );
  });

  it('begins, beats, tells of a gap, and ends', () => {
    expect(text(sseOpening(2_000))).toBe('retry: 2000\n\n');
    expect(text(sseOpening(2_000, 'e-7'))).toBe(
      'retry: 2000\nevent: push.start\nid: e-7\ndata: {"id":"e-7"}\n\n',
    );
    expect(parsed(sseOpening(2_000, 'e-7'))).toEqual([
      { id: 'e-7', event: 'push.start', data: '{"id":"e-7"}' },
    ]);
    expect(text(sseHeartbeat('comment', 'e-7'))).toBe(':\nid: e-7\n\n');
    expect(text(sseHeartbeat('comment'))).toBe(':\n\n');
    expect(text(sseHeartbeat('event', 'e-7'))).toBe('event: push.heartbeat\nid: e-7\ndata: {"id":"e-7"}\n\n');
    expect(text(sseGap({ reason: 'evicted', topics: ['orders.*'], id: 'e-7' }))).toBe(
      'event: push.gap\nid: e-7\ndata: {"reason":"evicted","topics":["orders.*"],"id":"e-7"}\n\n',
    );
    expect(text(sseError(new PushError('UNAVAILABLE', 'Come back.')))).toBe(
      'event: push.error\ndata: {"code":"UNAVAILABLE","message":"Come back.","retryable":true}\n\n',
    );
    expect(text(sseError(new PushError('INTERNAL', 'Failed.')))).toBe(
      'event: push.error\nid: push.end\ndata: {"code":"INTERNAL","message":"Failed.","retryable":false}\n\n',
    );
  });

  it('arrives as it was published: one message, whatever the data holds', () => {
    const hostile = array(
      oneof(constantFrom('\r', '\n', '\0', ':', ' ', 'id: 1', 'data', '\ufeff'), string()),
    );
    const data = oneof(
      hostile.map((parts) => JSON.stringify(parts.join(''))),
      json(),
    );
    assert(
      property(data, (published) => {
        const logged = new LogEvent('e', 7, { topic: 'a', type: 'note', data: published });
        const lines = plainData(published).replace(/\r\n?/g, '\n');
        expect(parsed(sseCodec.encode(logged))).toEqual([{ id: 'e-7', event: 'note', data: lines }]);
        const [enveloped, ...rest] = parsed(sseEnvelopeCodec.encode(logged));
        expect(rest).toEqual([]);
        expect(enveloped!.data).toBe(`{"topic":"a","data":${published}}`);
      }),
      { numRuns: 500 },
    );
  });
});
