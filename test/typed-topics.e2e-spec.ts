import { problemsOf, type Compilation } from './support/compiled.js';

/** A name, and code that compiles. */
type Right = readonly [string, string];

/** A name, code that does not compile, and what the compiler says of it. */
type Wrong = readonly [string, string, string];

const imports = `
import type { Principal, AcceptContext, DatedSnapshot, GapNotice, OnPushEvent, PublishContext, SnapshotContext, TopicPolicy } from 'nestjs-push';
import { EventBus, OnPush, PushModule, PushSnapshot, PushSse, PushTopic, Runs, snapshotAt, topic } from 'nestjs-push';
import { PushOutbox } from 'nestjs-push/outbox';
import { connect } from 'nestjs-push-client';
import { connectWith } from 'nestjs-push-client/core';
import { historyOf } from 'nestjs-push-client/history';
import { presenceOf } from 'nestjs-push-client/presence';
import { runOf } from 'nestjs-push-client/run';
import { snapshotOf } from 'nestjs-push-client/snapshot';
import { stateOf } from 'nestjs-push-client/state';
import { IsIn, IsString } from 'class-validator';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import type { PushTopics } from 'nestjs-push';
declare const bus: EventBus;
declare const runs: Runs;
declare const outbox: PushOutbox;
declare const id: string;
const push = connect<PushTopics>('/push');
`;

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

/** A class with one method, as TypeScript. */
const handler = (decorator: string, method: string, rest = '') =>
  `class Handlers { @OnPush(${decorator}) ${method} ${rest} }\nexport { Handlers };`;

const snapshot = (pattern: string, method: string) =>
  `class Loaders { @PushSnapshot('${pattern}') ${method} }\nexport { Loaders };`;

const policy = (decorator: string, members: string) =>
  `@PushTopic(${decorator}) class Policy { ${members} }\nexport { Policy };`;

const right: readonly Right[] = [
  [
    'data and parameters of a handler',
    handler(
      `'orders.:id'`,
      `m({ data, params }: OnPushEvent<'orders.:id'>) { const a: 'paid' | 'shipped' = data.status; const b: string = params.id; return [a, b]; }`,
    ),
  ],
  [
    'a handler that takes a part of the event',
    handler(`'orders.:id', { group: 'g' }`, `m({ data }: { data: { status: string } }) { return data; }`),
  ],
  [
    'parameters in the middle',
    handler(
      `'users.:user.visits'`,
      `m({ data, params }: OnPushEvent<'users.:user.visits'>) { return data + params.user.length; }`,
    ),
  ],
  [
    'the method for gaps',
    handler(
      `'orders.*', { group: 'g', onGap: 'missed' }`,
      `m(event: OnPushEvent) { return event; }`,
      `missed(gap: GapNotice) { return gap; }`,
    ),
  ],
  [
    'published data, to topics that are written out, composed, tagged or only known to the program',
    `void bus.publish('orders.1', { status: 'paid' });
     void bus.publish(\`orders.\${id}.items\`, { item: 'x' });
     void bus.publish(topic<'users.*.visits'>\`users.\${id}.visits\`, 1);
     void bus.publish(topic\`orders.\${id}\`, 'anything');
     void bus.publish('status', 'up', { ephemeral: true });
     void bus.publishMany([{ topic: 'orders.1', data: { status: 'paid' } }, { topic: 'status', data: 'up' }]);
     void outbox.publish({} as never, 'orders.1', { status: 'paid' });`,
  ],
  [
    'streams, subscriptions and pages of the past',
    `bus.on('orders.1').subscribe(({ data }) => data.status);
     bus.on('orders.>').subscribe(({ data }) => ('item' in data ? data.item : data.status));
     bus.stream(['orders.1', 'users.1.visits'], { envelope: true }).subscribe(({ data }) => data);
     bus.stream('>', { wildcards: true });
     bus.stream('$presence.rooms.1.*', { wildcards: true });
     bus.stream('rooms.1', { presence: { data: { typing: true } } });
     void bus.history('status').then(({ events }) => { const data: 'up' | 'down' | undefined = events[0]?.data; return data; });
     class Routes { @PushSse(':id/events', 'orders.:id') watch() {} }`,
  ],
  [
    'removals, ends and runs',
    `void bus.remove('status');
     void bus.forget('answers.1');
     void bus.end('answers.1', { result: { words: 2 } });
     async function* words() { yield 'one'; }
     void runs.start('answers.1', () => words(), { compact: (chunks) => ({ words: chunks.map((chunk) => chunk.length).length }) });
     void runs.start<string>(id, () => words(), { compact: (chunks) => chunks.join('') });`,
  ],
  [
    'presence on the server',
    `bus.presence('rooms.1').users().some(({ data }) => data?.typing);
     bus.presence('rooms.1').changes.subscribe(({ user }) => user.data?.typing);`,
  ],
  [
    'snapshots',
    snapshot(
      'rooms.:id',
      `async load({ params }: SnapshotContext<'rooms.:id'>) { return { title: params.id, more: 1 }; }`,
    ) +
      snapshot(
        'orders.:id',
        `other({ topic }: SnapshotContext) { return snapshotAt({ status: 'paid' as const }, topic); }`,
      ).replaceAll('Loaders', 'Others'),
  ],
  [
    'a policy whose data is declared by the pattern',
    policy(
      `'rooms.:id'`,
      `canPublish(user: Principal, { id }: { id: string }) { return user.id === id; }
       transform(user: Principal, _: object, { data }: PublishContext<{ text: string }>) { return { text: data.text, author: user.id }; }
       accept(_: Principal, __: object, { data }: AcceptContext<{ text: string; author: string }>) { return data.author; }`,
    ),
  ],
  [
    'a policy with schemas that validate what is declared',
    `class Line { @IsString() text!: string; }
     @PushTopic('rooms.*', { payload: Line, presence: z.object({ typing: z.boolean() }) })
     class Rooms implements TopicPolicy<Line, { text: string; author: string }> {
       canPublish = () => true;
       transform(user: Principal, _: object, { data }: PublishContext<Line>) { return { text: data.text, author: user.id }; }
     }
     @PushTopic('users.:id.visits', { payload: type('number') }) class Visits implements TopicPolicy {}
     @PushTopic('orders.*.items', { payload: v.object({ item: v.string() }) }) class Items implements TopicPolicy {}
     export { Rooms, Visits, Items };`,
  ],
  [
    'what a client reads and publishes',
    `push.on('orders.1', (order, { data }) => [order.status, data.status]);
     push.on(\`users.\${id}.visits\`, (visits) => visits + 1);
     push.on('$run.answers.1', (run) => run);
     push.on(id, (data) => data);
     void (async () => { for await (const { data } of push.events('rooms.*')) data.author.trim(); })();
     void push.publish('rooms.1', { text: 'Hello' });
     void push.publish('orders.1', { status: 'paid' });
     connectWith<PushTopics>('/push').on('status', (status) => status === 'up');`,
  ],
  [
    'the parts of a client',
    `const status: 'up' | 'down' | undefined = stateOf(push, 'status').get('status');
     const run = runOf(push, 'answers.1'); run.onChunk((chunk) => chunk.trim()); const words: number | undefined = run.result?.words;
     const room = presenceOf(push, 'rooms.1'); room.set({ typing: true }); room.set(null); room.users().some(({ data }) => data?.typing);
     snapshotOf(push, 'rooms.1', (step) => (step.kind === 'snapshot' ? step.data.title : step.kind === 'event' ? step.data.author : ''));
     const page = historyOf<PushTopics>('/push')('rooms.1'); void page.then(({ events }) => events[0]?.data.author);
     export { status, words };`,
  ],
  [
    'types that a call names',
    `stateOf<{ own: 1 }>(push, id).get(id)?.own; runOf<number, string>(push, 'other.1').result?.trim();
     presenceOf<{ own: 1 }>(push, 'other.1').set({ own: 1 });
     snapshotOf<{ own: 1 }, string>(push, 'other.1', ({ kind, data }) => (kind === 'snapshot' ? data.own : kind === 'event' ? data.trim() : ''));`,
  ],
];

const wrong: readonly Wrong[] = [
  [
    'data of another type',
    handler(`'orders.:id'`, `m({ data }: { data: number }) { return data; }`),
    'number',
  ],
  [
    'a parameter that the pattern does not have',
    handler(`'orders.:id'`, `m({ params }: OnPushEvent<'orders.:id'>) { return params.order; }`),
    "'order' does not exist",
  ],
  [
    'a handler without the parameter that it takes',
    handler(`'orders.*'`, `m({ params }: { params: { id: string } }) { return params; }`),
    'params',
  ],
  [
    'a method for gaps that is missing',
    handler(`'orders.*', { group: 'g', onGap: 'missed' }`, `m(event: OnPushEvent) { return event; }`),
    'missed',
  ],
  ['an option that does not exist', handler(`'orders.*', { grup: 'g' }`, `m() {}`), 'grup'],
  ['a handler of another topic', handler(`'ordres.:id'`, `m() {}`), '"orders.*"'],
  ['published data of another type', `void bus.publish('orders.1', { status: 'lost' });`, 'lost'],
  ['data of a composed topic', `void bus.publish(\`users.\${id}.visits\`, 'one');`, 'number'],
  ['an event to another topic', `void bus.publish('ordres.1', { status: 'paid' });`, '"orders.*"'],
  [
    'a part of a topic too many',
    `void bus.publish('orders.1.notes', { status: 'paid' });`,
    '"orders.*.items"',
  ],
  [
    'one of many events with other data',
    `void bus.publishMany([{ topic: 'status', data: 'up' }, { topic: 'orders.1', data: { status: 'lost' } }]);`,
    'lost',
  ],
  [
    'one of many events to another topic',
    `void bus.publishMany([{ topic: 'ordres.1', data: 1 }]);`,
    '"orders.*"',
  ],
  ['an event of the outbox with other data', `void outbox.publish({} as never, 'status', 'away');`, 'away'],
  [
    'a stream of another type',
    `bus.on('orders.*').subscribe(({ data }) => data.total);`,
    "'total' does not exist",
  ],
  ['a subscription to another topic', `bus.on('ordres.*');`, '"orders.*"'],
  ['a stream of another topic', `bus.stream(['orders.1', 'ordres.1']);`, '"ordres.1"'],
  ['a route of another topic', `class Routes { @PushSse(':id', 'ordres.:id') watch() {} }`, '"orders.*"'],
  ['a page of another topic', `void bus.history('ordres.1');`, '"orders.*"'],
  ['the removal of another topic', `void bus.remove('ordres.1');`, '"orders.*"'],
  ['a result of another type', `void bus.end('answers.1', { result: 'all' });`, 'words'],
  [
    'chunks of another type',
    `async function* numbers() { yield 1; }\nvoid runs.start('answers.1', () => numbers());`,
    'string',
  ],
  [
    'presence of another type',
    `bus.presence('rooms.1').users().some(({ data }) => data?.away);`,
    "'away' does not exist",
  ],
  [
    'presence that a route says otherwise',
    `bus.stream('rooms.1', { presence: { data: { typing: 1 } } });`,
    'boolean',
  ],
  [
    'a snapshot of another type',
    snapshot('rooms.:id', `load(): { name: string } { return { name: 'x' }; }`),
    'Loaded<{ title: string; }>',
  ],
  [
    'a promise of a snapshot of another type',
    snapshot('orders.:id', `async load() { return snapshotAt({ status: 'lost' }, id); }`),
    'status',
  ],
  ['a snapshot of another topic', snapshot('ordres.:id', `load() { return 1; }`), '"orders.*"'],
  [
    'a parameter that the pattern of a snapshot does not have',
    snapshot(
      'rooms.:id',
      `load({ params }: SnapshotContext<'rooms.:id'>) { return { title: params.room }; }`,
    ),
    "'room' does not exist",
  ],
  ['a policy of another topic', policy(`'ordres.:id'`, `canPublish() { return true; }`), '"orders.*"'],
  [
    'a policy that takes a parameter that its pattern does not have',
    policy(
      `'orders.:id'`,
      `canSubscribe(_: Principal, { order }: { order: string }) { return order !== ''; }`,
    ),
    "'order' is missing",
  ],
  [
    'a policy that transforms data of another type',
    policy(
      `'rooms.:id'`,
      `transform(_: Principal, __: object, { data }: PublishContext<{ line: string }>) { return { text: data.line, author: '' }; }`,
    ),
    'line',
  ],
  [
    'a policy that makes another event of it',
    policy(
      `'rooms.:id'`,
      `transform(_: Principal, __: object, { data }: PublishContext<{ text: string }>) { return data; }`,
    ),
    "'author' is missing",
  ],
  [
    'a policy that accepts events of another type',
    policy(
      `'rooms.:id'`,
      `accept(_: Principal, __: object, { data }: AcceptContext<{ author: number }>) { return data; }`,
    ),
    'number',
  ],
  [
    'a class that validates other data',
    `class Line { @IsString() line!: string; }\n@PushTopic('rooms.:id', { payload: Line }) class Policy {}\nexport { Policy };`,
    'text',
  ],
  [
    'a schema that validates other data',
    policy(`'orders.:id', { payload: z.object({ status: z.string() }) }`, ''),
    'status',
  ],
  [
    'a schema that validates other presence',
    policy(`'rooms.:id', { presence: v.object({ away: v.boolean() }) }`, ''),
    'typing',
  ],
  [
    'a client that reads data of another type',
    `push.on('orders.1', (order) => order.total);`,
    "'total' does not exist",
  ],
  ['a client that reads another topic', `push.on('ordres.1', () => undefined);`, '"orders.*"'],
  ['a client that loops over another topic', `push.events('ordres.1');`, '"orders.*"'],
  ['a client that publishes other data', `void push.publish('rooms.1', { line: 'Hello' });`, 'line'],
  [
    'a client that publishes to another topic',
    `void push.publish('romms.1', { text: 'Hello' });`,
    '"rooms.*"',
  ],
  [
    'a state of another type',
    `const state: number | undefined = stateOf(push, 'status').get('status'); export { state };`,
    'number',
  ],
  ['a state of another topic', `stateOf(push, 'statsu');`, '"statsu"'],
  [
    'a run of another type',
    `runOf(push, 'answers.1').onChunk((chunk) => chunk.total);`,
    "'total' does not exist",
  ],
  [
    'a run with a result of another type',
    `runOf(push, 'answers.1').result?.lines;`,
    "'lines' does not exist",
  ],
  ['a run of another topic', `runOf(push, 'anwsers.1');`, '"anwsers.1"'],
  ['presence that a client says otherwise', `presenceOf(push, 'rooms.1').set({ typing: 'yes' });`, 'boolean'],
  ['presence in another topic', `presenceOf(push, 'romms.1');`, '"romms.1"'],
  [
    'a snapshot that a client takes for another type',
    `snapshotOf(push, 'rooms.1', (step) => (step.kind === 'snapshot' ? step.data.name : ''));`,
    "'name' does not exist",
  ],
  ['a snapshot of another topic in the client', `snapshotOf(push, 'romms.1', () => undefined);`, '"romms.1"'],
  [
    'a page of another type',
    `void historyOf<PushTopics>('/push')('status').then(({ events }) => events[0]?.data.total);`,
    "'total' does not exist",
  ],
  ['a page of another topic in the client', `void historyOf<PushTopics>('/push')('statsu');`, '"status"'],
];

/** Expects of each case what it says. */
function expectCases(compilation: Compilation, right: readonly Right[], wrong: readonly Wrong[]): void {
  let problems: string[][] = [];
  beforeAll(async () => {
    problems = await problemsOf(
      compilation,
      [...right, ...wrong].map(([, code]) => code),
    );
  }, 120_000);

  it.each(right.map(([title], index) => [title, index] as const))('let through %s', (_, index) => {
    expect(problems[index]).toEqual([]);
  });

  it.each(wrong.map(([title, , problem], index) => [title, problem, right.length + index] as const))(
    'do not compile with %s',
    (_, problem, index) => {
      expect(problems[index]!.join('\n')).toContain(problem);
      expect(problems[index]).toHaveLength(1);
    },
  );
}

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
