import { wrong } from './support/mistyped.js';
import {
  expectCases,
  handler,
  imports,
  policy,
  snapshot,
  type Right,
  type Wrong,
} from './support/typed-code.js';
import { right } from './support/well-typed.js';

/** What an application declares. */
const declared = `
import type { TopicTypes } from 'nestjs-push';
declare module 'nestjs-push' {
  interface PushTopics {
    'orders.*': { status: 'paid' | 'shipped' };
    'orders.*.items': { item: string };
    'users.*.visits': number;
    'rooms.*': TopicTypes<{
      event: { text: string; author: string };
      publish: { text: string };
      presence: { typing: boolean };
      snapshot: { title: string };
    }>;
    'answers.*': TopicTypes<{ event: string; result: { words: number } }>;
    status: 'up' | 'down';
  }
}
`;

/** The same by a map of schemas. */
const schemas = `
import type { TopicsOf } from 'nestjs-push';
import { IsIn } from 'class-validator';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
export class Order { @IsIn(['paid', 'shipped']) status!: 'paid' | 'shipped'; }
export const schemas = {
  'orders.:id': Order,
  'orders.*.items': type({ item: 'string' }),
  'users.*.visits': z.number(),
  'rooms.*': {
    event: v.object({ text: v.string(), author: v.string() }),
    publish: z.object({ text: z.string() }),
    presence: type({ typing: 'boolean' }),
    snapshot: z.object({ title: z.string() }),
  },
  'answers.*': { event: z.string(), result: z.object({ words: z.number() }) },
  status: z.enum(['up', 'down']),
};
declare module 'nestjs-push' {
  interface PushTopics extends TopicsOf<typeof schemas> {}
}
`;

describe.each(['module', 'commonjs'] as const)('Declared topics, in a package of the type %s,', (type) => {
  expectCases({ name: `typed-topics-${type}`, type, topics: declared, imports }, right, wrong);
});

describe.each(['module', 'commonjs'] as const)(
  'Topics with schemas, in a package of the type %s,',
  (type) => {
    const own = `${imports}\nimport { schemas } from './topics.js';`;
    const given: readonly Right[] = [
      ...right,
      ['the schemas as an option of the module', `PushModule.forRoot({ schemas });`],
    ];
    const refused: readonly Wrong[] = [
      ...wrong,
      ['an option that is no schema', `PushModule.forRoot({ schemas: { 'orders.*': 'Order' } });`, 'string'],
      [
        'a kind of data that there is not',
        `PushModule.forRoot({ schemas: { 'orders.*': { evnt: z.string() } } });`,
        'evnt',
      ],
    ];
    expectCases({ name: `schema-topics-${type}`, type, topics: schemas, imports: own }, given, refused);
  },
);

describe('Topics that a schema changes', () => {
  const topics = `
    import type { TopicsOf } from 'nestjs-push';
    import { z } from 'zod';
    export const schemas = { 'days.*': z.object({ at: z.string().transform((at) => new Date(at)), by: z.string().default('') }) };
    declare module 'nestjs-push' { interface PushTopics extends TopicsOf<typeof schemas> {} }`;
  expectCases(
    { name: 'changed-topics', type: 'module', topics, imports },
    [
      [
        'the input, as it is stored',
        `void push.publish('days.1', { at: '2030-01-01' }); push.on('days.1', ({ at }) => at.trim());`,
      ],
      [
        'the output in a policy',
        policy(
          `'days.:id'`,
          `transform(_: Principal, __: object, { data }: PublishContext<{ at: Date; by: string }>) { return { at: data.at.toISOString() }; }`,
        ),
      ],
    ],
    [['the output as an event', `void bus.publish('days.1', { at: new Date() });`, 'Date']],
  );
});

describe('Topics beside a declaration of all others', () => {
  const topics = declared.replace('interface PushTopics {', `interface PushTopics { '>': { other: true };`);
  expectCases(
    { name: 'other-topics', type: 'module', topics, imports },
    [
      [
        'what is declared, and what is not',
        `void bus.publish('orders.1', { status: 'paid' }); void bus.publish('others.1', { other: true });
         bus.on('>').subscribe(({ data }) => (typeof data === 'object' && 'other' in data ? data.other : data));`,
      ],
    ],
    [
      ['data of the declared ones', `void bus.publish('orders.1', { status: 'lost' });`, 'lost'],
      ['data of the others', `void bus.publish('others.1', { other: false });`, 'false'],
    ],
  );
});

describe('Where nothing is declared, topics', () => {
  const anything: readonly Right[] = [
    [
      'of any name and data, on the server',
      `void bus.publish('orders.1', { status: 1 }); void bus.publishMany([{ topic: 'a', data: 1 }, { topic: 'b.c', data: null }]);
       bus.on('others.>').subscribe(({ data }) => { const unknown: unknown = data; return unknown; });
       bus.stream(['a', 'b']); void bus.end('a', { result: 1 }); bus.presence('a').users();
       async function* words() { yield 'one'; }
       void runs.start('a', () => words(), { compact: (chunks) => chunks.join('') });`,
    ],
    ['of any handler', handler(`'others.>'`, `m({ data }: { data: unknown }) { return data; }`)],
    [
      'of any snapshot',
      snapshot('others.:id', `load({ params }: SnapshotContext) { return params.id ?? null; }`),
    ],
    [
      'of any policy',
      policy(
        `'others.:id', { payload: z.object({ text: z.string() }) }`,
        `canPublish = () => true; transform(_: Principal, { id }: { id: string }, { data }: PublishContext<{ text: string }>) { return { ...data, id }; }`,
      ),
    ],
    [
      'of any client',
      `const free = connect('/push'); free.on('a', (data) => data); void free.publish('b', 1); stateOf(free, 'c').get('c');
       presenceOf(free, 'd').set({ typing: true }); runOf(free, 'e'); snapshotOf(free, 'f', ({ data }) => data); void historyOf('/push')('g');`,
    ],
  ];
  const mismatched: readonly Wrong[] = [
    [
      'a policy that takes other data than its schema makes',
      policy(
        `'others.:id', { payload: z.object({ text: z.string() }) }`,
        `transform(_: Principal, __: object, { data }: PublishContext<{ line: string }>) { return data; }`,
      ),
      'line',
    ],
  ];
  expectCases(
    { name: 'untyped-topics', type: 'module', topics: 'export {};', imports },
    anything,
    mismatched,
  );
});

describe.each(['module', 'commonjs'] as const)(
  "A client's own declaration, in a package of the type %s,",
  (type) => {
    const topics = `
    import type { TopicTypes } from 'nestjs-push-client';
    declare module 'nestjs-push-client' {
      interface PushTopics { 'orders.*': { status: 'paid' }; 'rooms.*': TopicTypes<{ presence: { typing: boolean } }>; }
    }`;
    const own = imports.replace("connect<PushTopics>('/push')", "connect('/push')");
    expectCases(
      { name: `client-topics-${type}`, type, topics, imports: own },
      [
        [
          'what it reads and publishes, without a type at each call',
          `push.on('orders.1', ({ status }) => status); stateOf(push, 'orders.*').get('orders.1')?.status; void historyOf('/push')('orders.1');
         presenceOf(push, 'rooms.1').set({ typing: true }); connectWith('/push').on('orders.1', ({ status }) => status);`,
        ],
      ],
      [
        ['another topic', `push.on('ordres.1', () => undefined);`, '"orders.*"'],
        ['other data', `void push.publish('orders.1', { status: 'lost' });`, 'lost'],
      ],
    );
  },
);
