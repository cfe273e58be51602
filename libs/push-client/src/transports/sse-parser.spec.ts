import fc from 'fast-check';
import { SseParser, type SseBlock } from './sse-parser.js';

/** What comes out when the text arrives in these chunks. */
function parse(...chunks: string[]): SseBlock[] {
  const blocks: SseBlock[] = [];
  const parser = new SseParser((block) => blocks.push(block));
  chunks.forEach((chunk) => parser.push(chunk));
  return blocks;
}

describe('Server-sent events', () => {
  it.each([
    ['data: a\n\n', ['a']],
    ['data:a\n\n', ['a']],
    ['data:  a\n\n', [' a']],
    ['data: a\r\rdata: b\r\n\r\n', ['a', 'b']],
    ['data: a\ndata: b\n\n', ['a\nb']],
    ['data\n\n', ['']],
    ['data\ndata\n\n', ['\n']],
    [': comment\n\ndata: a\n\n', ['a']],
    ['event: x\nid: 1\ndata: a: b\n\n', ['a: b']],
    ['id: 1\n\n', []],
    ['dat: a\n\n data: b\n\n', []],
    ['data: unfinished\n', []],
    ['data: unfinished', []],
  ])('%j: %j', (text, expected) => {
    expect(parse(text).flatMap(({ data }) => data ?? [])).toEqual(expected);
  });

  it('have fields, of which the last counts; a block may have no data', () => {
    expect(parse('retry: 1500\n\nevent: note\nid: 1\nid: 2\ndata: a\n\n:\nid: 3\n\n')).toEqual([
      { retry: '1500' },
      { event: 'note', id: '2', data: 'a' },
      { '': '', id: '3' },
    ]);
  });

  it('may be cut anywhere', () => {
    const line = fc.constantFrom('data: a', 'data: b:c', 'data', ':', 'retry: 7', 'id: 3', '', '', 'x');
    const end = fc.constantFrom('\n', '\r', '\r\n');
    const text = fc.array(fc.tuple(line, end), { maxLength: 12 }).map((lines) => lines.flat().join(''));
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(text, sizes, (text, sizes) => {
        const chunks: string[] = [];
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          chunks.push(text.slice(at, at + size));
          at += size;
        }
        expect(parse(...chunks)).toEqual(parse(text));
      }),
    );
  });
});
