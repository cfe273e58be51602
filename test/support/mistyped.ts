import { handler, policy, snapshot, type Wrong } from './typed-code.js';

/** What does not compile where topics are declared: other data, other parameters, other topics. */
export const wrong: readonly Wrong[] = [
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
