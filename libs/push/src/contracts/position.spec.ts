import { property, assert, integer, stringMatching, string } from 'fast-check';
import { parsePosition, printPosition } from './position.js';

describe('Position', () => {
  it('is printed and parsed without loss, within 64 characters that are safe in a header, a field and a query', () => {
    assert(
      property(
        stringMatching(/^[A-Za-z0-9_]{1,32}$/),
        integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        (epoch, sequence) => {
          const id = printPosition({ epoch, sequence });
          expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
          expect(parsePosition(id)).toEqual({ epoch, sequence });
        },
      ),
    );
  });

  it.each([
    '',
    '-',
    'log',
    'log-',
    '-1',
    'log-01',
    'log--1',
    'log-1.5',
    'log-1e3',
    'log-1 ',
    ' log-1',
    'log-1\n',
    'log-9007199254740992',
    'log-99999999999999999999',
    'a-b-1',
    'lög-1',
    `${'e'.repeat(33)}-1`,
  ])('%j is none of ours', (id) => {
    expect(parsePosition(id)).toBeUndefined();
  });

  it('never takes anything else for an id', () => {
    assert(
      property(string(), (id) => {
        const position = parsePosition(id);
        if (position) expect(printPosition(position)).toBe(id);
      }),
    );
  });
});
