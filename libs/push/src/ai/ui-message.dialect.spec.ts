import { endMeta, type EndData } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import { LogEvent } from '../contracts/event.js';
import { removalMeta } from '../contracts/state.js';
import { continuedUiMessages, uiMessages } from './ui-message.dialect.js';

const { whole, chunked } = uiMessages;
const data = '{"type":"text-delta","id":"1","delta":"a"}';

function event(meta?: LogEvent['meta'], json = data): LogEvent {
  return new LogEvent('epoch', 7, { topic: 'chats.a.b', data: json, meta });
}

function ended(reason: string, end: EndData = 'none'): LogEvent {
  return event(endMeta({ reason, data: end }), end === 'none' ? 'null' : data);
}

function text(written: LogEvent, { events } = whole): string {
  return events.encode(written).toString();
}

it('A chunk is a block with the id of its event', () => {
  expect(text(event())).toBe(`id: epoch-7\ndata: ${data}\n\n`);
});

it.each([
  ['cancelled', 'id: epoch-7\ndata: {"type":"abort","reason":"cancelled"}\n\n'],
  ['failed', 'id: epoch-7\ndata: {"type":"error","errorText":"The answer has broken off. Try again."}\n\n'],
  [
    'lost',
    'id: epoch-7\ndata: {"type":"error","errorText":"The server that wrote the answer is gone. Try again."}\n\n',
  ],
  [
    'timeout',
    'id: epoch-7\ndata: {"type":"error","errorText":"The answer took too long, and was given up. Try again."}\n\n',
  ],
  [
    'a word of the application',
    'id: epoch-7\ndata: {"type":"error","errorText":"The answer has broken off. Try again."}\n\n',
  ],
  ['done', ':\n\n'],
])('An end, %s, is a chunk only if the message is not whole', (reason, block) => {
  expect(text(ended(reason))).toBe(block);
});

it('An end that is a chunk itself is that chunk, and a whole result is nothing new to who has the chunks', () => {
  expect(text(ended('done', 'event'))).toBe(`id: epoch-7\ndata: ${data}\n\n`);
  expect(text(ended('done', 'result'))).toBe(':\n\n');
});

it('A client that counts chunks is told to finish when the answer was stopped', () => {
  const [abort, finish] = text(ended('cancelled'), continuedUiMessages.whole).trimEnd().split('\n\n');
  expect([abort, finish]).toEqual([
    'id: epoch-7\ndata: {"type":"abort","reason":"cancelled"}',
    'data: {"type":"finish"}',
  ]);
  expect(text(ended('done'), continuedUiMessages.whole)).toBe(':\n\n');
});

it('An answer that was deleted is an error', () => {
  expect(text(event(removalMeta, 'null'))).toContain(
    '{"type":"error","errorText":"The answer was deleted."}',
  );
});

it('Nothing but chunks has data', () => {
  expect(whole.heartbeat('epoch-7').toString()).toBe(':\n\n');
  expect(whole.drain(100).toString()).toBe(':\n\n');
  expect(whole.opening(100, 'epoch-7').toString()).toBe('retry: 100\n\n');
  expect(whole.ended!().toString()).toBe('data: [DONE]\n\n');
});

it('A gap and an error are error chunks, and what is not meant for clients is not in them', () => {
  const gap = { reason: 'evicted', topics: ['chats.a.b'], id: 'epoch-9' } as const;
  expect(whole.gap(gap).toString()).toBe(
    'data: {"type":"error","errorText":"A part of the answer is lost. Load it again."}\n\n',
  );
  const shown = whole.error(new PushError('TOO_SLOW', 'You read too slowly.'));
  expect(shown.toString()).toBe('data: {"type":"error","errorText":"You read too slowly."}\n\n');
  expect(whole.error(new PushError('INTERNAL', 'secret')).toString()).not.toContain('secret');
});

it('In a chunked body no block is empty, which would end the body', () => {
  const blocks = [
    chunked.events.single(event()),
    chunked.events.single(ended('done')),
    chunked.events.join([chunked.events.encode(ended('done'))]),
    chunked.heartbeat(undefined),
    chunked.drain(1),
    chunked.ended!(),
  ];
  for (const block of blocks) {
    const [size, ...rest] = block.toString().split('\r\n');
    expect(Number.parseInt(size!, 16)).toBe(Buffer.byteLength(rest.slice(0, -1).join('\r\n')));
    expect(size).not.toBe('0');
  }
});
