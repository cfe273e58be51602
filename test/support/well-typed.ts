import { handler, policy, snapshot, type Right } from './typed-code.js';

/** What compiles where topics are declared: each with the data, the parameters and the topics of its declaration. */
export const right: readonly Right[] = [
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
