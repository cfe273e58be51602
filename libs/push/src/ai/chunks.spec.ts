import { joinChunks, type ChatChunk } from './chunks.js';

const text = (delta: string, more: object = {}): ChatChunk =>
  ({ type: 'text-delta', id: '1', delta, ...more }) as never;

it.each([
  ['text', { type: 'text-delta', id: '1', delta: 'a' }, { type: 'text-delta', id: '1', delta: 'b' }, 'delta'],
  [
    'reasoning',
    { type: 'reasoning-delta', id: '1', delta: 'a' },
    { type: 'reasoning-delta', id: '1', delta: 'b' },
    'delta',
  ],
  [
    'the input of a tool',
    { type: 'tool-input-delta', toolCallId: '1', inputTextDelta: 'a' },
    { type: 'tool-input-delta', toolCallId: '1', inputTextDelta: 'b' },
    'inputTextDelta',
  ],
])('Two deltas of %s are one', (_, first, second, field) => {
  expect(joinChunks(first, second)).toEqual({ ...first, [field]: 'ab' });
});

it.each<[string, object, object]>([
  ['of two parts', text('a'), text('b', { id: '2' })],
  ['of two types', text('a'), { type: 'reasoning-delta', id: '1', delta: 'b' }],
  [
    'of two tool calls',
    { type: 'tool-input-delta', toolCallId: '1', inputTextDelta: 'a' },
    { type: 'tool-input-delta', toolCallId: '2', inputTextDelta: 'b' },
  ],
  ['with metadata of the provider', text('a'), text('b', { providerMetadata: { a: {} } })],
  ['the first of which has metadata', text('a', { providerMetadata: { a: {} } }), text('b')],
  ['without text', text('a'), { type: 'text-delta', id: '1', delta: undefined }],
  ['that are no deltas', { type: 'start-step' }, { type: 'start-step' }],
  ['of which one is no delta', text('a'), { type: 'text-end', id: '1' }],
])('Chunks %s stay two', (_, first, second) => {
  expect(joinChunks(first as ChatChunk, second as ChatChunk)).toBeUndefined();
});
