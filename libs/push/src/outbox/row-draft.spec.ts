import fc from 'fast-check';
import { draftOfRow, onOneLine, rowOptionsOf } from './row-draft.js';

const rules = { maxEventBytes: 1_000, retention: { of: () => ({ events: 1, age: 1 }) } };

const row = (data: string | null, options: string | null = null) => ({
  id: '7',
  topic: 'orders.1',
  data,
  options,
});

describe('The data of a row', () => {
  it('is one line, with the same values and the same spelling of them, however it was laid out', () => {
    const indents = fc.constantFrom('', ' ', '\t', '\n', '  ');
    fc.assert(
      fc.property(fc.jsonValue(), indents, (value, indent) => {
        expect(onOneLine(`\r\n${JSON.stringify(value, undefined, indent)}\n`)).toBe(JSON.stringify(value));
      }),
    );
    expect(onOneLine('{"a" :\n1.10, "n": 123456789012345678901}')).toBe(
      '{"a":1.10,"n":123456789012345678901}',
    );
  });

  it('is a string with quotes and backslashes as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('"', '\\', ' ', '\n', 'a')), (characters) => {
        const json = JSON.stringify([characters.join('')]);
        expect(onOneLine(`\n${json}`)).toBe(json);
      }),
    );
  });

  it('is refused if it is too large, whether it was read or not', () => {
    const large = JSON.stringify('x'.repeat(1_000));
    for (const data of [large, null])
      expect(() => draftOfRow(row(data), 'name', rules)).toThrow(
        expect.objectContaining({ code: 'DATA_TOO_LARGE' }),
      );
  });
});

describe('The options of a row', () => {
  it('are the options that were published with', () => {
    const options = { type: 'paid', messageId: 'm1', except: 'c1', meta: { a: '\0', n: 1 } };
    expect(draftOfRow(row('1', rowOptionsOf(options)), 'name', rules)).toMatchObject({
      ...options,
      meta: { ...options.meta, row: 'name' },
    });
    expect(rowOptionsOf({})).toBeNull();
  });

  it('give the event the name of its row as its message id, if it has none', () => {
    expect(draftOfRow(row('1', '{"messageId": null}'), 'name', rules)).toMatchObject({
      messageId: 'name',
      meta: { row: 'name' },
    });
  });

  it.each([
    '[]',
    '1',
    '"type"',
    '{"tipe": "a"}',
    '{"ephemeral": true}',
    '{"type": 1}',
    '{"meta": {"row": "x"}}',
    '{"end": "yes"}',
  ])('are refused if they are none: %s', (options) => {
    expect(() => draftOfRow(row('1', options), 'name', rules)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
