import fc from 'fast-check';
import { PushError } from '../contracts/errors.js';
import { readPublish, readSubscribe, readSubscriptions, readToken } from './client-messages.js';

function detailsOf(run: () => unknown): readonly string[] | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof PushError && error.code === 'INVALID_MESSAGE') return error.details;
    throw error;
  }
  return undefined;
}

describe('a message of a client', () => {
  it('is read field by field, and what it does not know is left out', () => {
    const message = { topics: ['a.>'], from: 'last', repeat: true, ref: 'r', newer: 1 };
    expect(readSubscribe(message)).toEqual({ topics: ['a.>'], from: 'last', repeat: true, ref: 'r' });
  });

  it('may leave out, or have null, where something is optional', () => {
    expect(readSubscribe({ topics: ['a'], from: null, ref: null })).toEqual({ topics: ['a'] });
  });

  it('takes nothing that is only inherited', () => {
    const inherited = Object.create({ token: 'x' }) as object;
    expect(detailsOf(() => readToken(inherited))).toEqual(['token is missing']);
  });

  it('names each field that is wrong', () => {
    expect(detailsOf(() => readPublish({ topic: 7, type: [], ephemeral: 1, echo: 'x', ref: {} }))).toEqual([
      'topic has to be a string of at most 255 characters',
      expect.stringMatching(/^type /),
      'ephemeral has to be true or false',
      'echo has to be true or false',
      expect.stringMatching(/^ref /),
    ]);
    expect(detailsOf(() => readToken({ token: '' }))).toEqual([
      'token has to be a string of 1 to 16384 characters',
    ]);
  });

  it('names where in a list, and never more than ten', () => {
    const subscribe = [{ topics: ['a'] }, { topics: [], from: 1 }, null];
    expect(detailsOf(() => readSubscriptions({ subscribe }))).toEqual([
      expect.stringMatching(/^subscribe\[1\]\.topics has to be a list/),
      expect.stringMatching(/^subscribe\[1\]\.from has to be a string/),
      'subscribe[2] has to be an object',
    ]);
    const many = Array.from({ length: 1_000 }, () => 7);
    expect(detailsOf(() => readSubscriptions({ subscribe: many }))).toHaveLength(10);
  });

  it('hands on the very data, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const message = { topic: 'a', data };
        expect(readPublish(message).data).toBe(data);
      }),
    );
  });

  it('is read, or refused as INVALID_MESSAGE, whatever it is', () => {
    fc.assert(
      fc.property(fc.object({ withNullPrototype: true }), (message) => {
        for (const read of [readPublish, readSubscribe, readSubscriptions, readToken])
          detailsOf(() => read(message));
      }),
    );
  });
});
