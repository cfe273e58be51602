import * as fc from 'fast-check';

/* Words, JSON and messages at random: what the protocol knows, what it nearly knows, and what would break something. */

const nasty = fc.constantFrom(
  ...[
    '',
    ' ',
    '.',
    '*',
    '>',
    'a..b',
    'public.a',
    'rooms.1',
    'open.x.y',
    'state.a',
    'box.a',
    'state.*',
    'public.>',
    'rooms.*',
    'secret',
    'push.gap',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'length',
    'then',
    'event',
    'data',
    'topics',
  ],
  ...[
    '\r\n',
    '\n\ndata: x\n\n',
    '\u0000',
    '\u2028',
    '\ud800',
    '😀',
    'now',
    'last',
    'earliest',
    '000000000000-1',
    '-1',
  ],
  ...['x'.repeat(64), 'x'.repeat(65), 'x'.repeat(256), 'a.'.repeat(127), '9'.repeat(400)],
);

/** A name, an id or a text, likely one that means something somewhere. */
export const word = fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 20 }));

/** Any value, with such words in it. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      word,
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(null, true, false),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(word, tie('value'), { maxKeys: 5, noNullPrototype: false }),
  ),
})).value;

/** Mostly `likely`, and now and then any JSON. */
const often = <T>(likely: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: likely as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: json });

/** A message of a WebSocket. */
export const message = fc.record(
  {
    event: often(fc.constantFrom('subscribe', 'unsubscribe', 'publish', 'authenticate', 'refresh', 'hello')),
    data: often(
      fc.record(
        {
          ref: often(word),
          topics: often(fc.array(word, { maxLength: 6 })),
          topic: often(word),
          from: often(word),
          repeat: often(fc.boolean()),
          data: json,
          type: often(word),
          messageId: often(word),
          ephemeral: often(fc.boolean()),
          echo: often(fc.boolean()),
          expect: often(word),
          remove: often(fc.boolean()),
          token: often(word),
        },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: [] },
);

/** Stands for the id of the newest event. */
export const head = '@head';

/** What publishes to states, and removes them. */
export const ofState = fc.record({
  event: fc.constant('publish'),
  data: fc.record(
    {
      topic: fc.constantFrom('state.a', 'state.b', 'box.a', 'open.a'),
      data: json,
      expect: often(fc.constantFrom('none', head, head)),
      remove: often(fc.boolean()),
      ephemeral: often(fc.constant(false)),
      messageId: often(fc.constantFrom('1', '2')),
    },
    { requiredKeys: ['topic', 'data'] },
  ),
});
