import { EventBus, type StreamMessage } from 'nestjs-push';
import { lastValueFrom, toArray } from 'rxjs';
import { start, storyOf } from './support/finite-app.js';
import { refusal } from './support/refusal.js';
import { openWs } from './support/ws-client.js';

/** The messages of a stream, up to its end. */
const whole = (bus: EventBus, topic: string, from: 'earliest' | 'last' | 'now' = 'earliest') =>
  lastValueFrom(bus.stream(topic, { from }).pipe(toArray()));

const said = ({ type, data }: StreamMessage) => [type, data];

describe('A finite topic', () => {
  it('ends once: the first end wins, and nothing follows it', async () => {
    const { bus } = await start();
    await bus.publish('runs.1', 'a');
    const end = await bus.publish('runs.1', 'b', { end: true, messageId: 'last' });
    expect(await refusal(bus.publish('runs.1', 'c'))).toMatchObject({
      code: 'ENDED',
      status: 410,
      retryable: false,
    });
    expect(await refusal(bus.end('runs.1', { reason: 'cancelled' }))).toMatchObject({ code: 'ENDED' });
    expect(await bus.publish('runs.1', 'b', { end: true, messageId: 'last' })).toBe(end);
    await bus.publish('runs.2', 'another topic goes on');
    expect((await whole(bus, 'runs.1')).map(said)).toEqual([
      [undefined, 'a'],
      [undefined, 'b'],
      ['push.ended', { topic: 'runs.1', reason: 'done' }],
    ]);
  });

  it('has a reason for its end, and no event that says nothing', async () => {
    const { bus } = await start();
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1', { reason: 'cancelled' });
    expect((await whole(bus, 'runs.1')).map(said)).toEqual([
      [undefined, 'a'],
      ['push.ended', { topic: 'runs.1', reason: 'cancelled' }],
    ]);
    expect((await bus.history('runs.1')).events.map(({ data }) => data)).toEqual(['a']);
  });

  it('brings its result to those who ask for the newest, and the events to the others', async () => {
    const { bus } = await start();
    const live = whole(bus, 'runs.1', 'now');
    await bus.publish('runs.1', 'Hel');
    await bus.publish('runs.1', 'lo');
    await bus.end('runs.1', { result: 'Hello', type: 'whole' });
    const ended = ['push.ended', { topic: 'runs.1', reason: 'done' }];
    const chunks = [[undefined, 'Hel'], [undefined, 'lo'], ended];
    expect((await live).map(said)).toEqual(chunks);
    expect((await whole(bus, 'runs.1', 'earliest')).map(said)).toEqual(chunks);
    expect((await whole(bus, 'runs.1', 'last')).map(said)).toEqual([['whole', 'Hello'], ended]);
  });

  it('is remembered as ended when its events have gone', async () => {
    const { bus } = await start({ retention: { bytes: 20_000 } });
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1', { reason: 'failed' });
    for (let n = 0; n < 100; n++) await bus.publish(`noise.${n % 3}`, 'x'.repeat(1_000));
    expect((await whole(bus, 'runs.1', 'now')).map(said)).toEqual([
      ['push.ended', { topic: 'runs.1', reason: 'failed' }],
    ]);
    expect(await refusal(bus.publish('runs.1', 'b'))).toMatchObject({ code: 'ENDED' });
  });

  it('keeps its end beside the number of events that its rule keeps', async () => {
    const { bus } = await start();
    for (let n = 0; n < 10; n++) await bus.publish('runs.short.1', n);
    await bus.end('runs.short.1', { result: 'all' });
    expect((await whole(bus, 'runs.short.1', 'last')).map(said)[0]).toEqual([undefined, 'all']);
    expect((await bus.history('runs.short.1')).events.map(({ data }) => data)).toEqual([8, 9]);
  });

  it('begins again when it is forgotten', async () => {
    const { bus } = await start();
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1');
    await bus.forget('runs.1');
    await bus.publish('runs.1', 'b');
    await bus.end('runs.1', { reason: 'again' });
    expect((await bus.history('runs.1')).events.map(({ data }) => data)).toEqual(['b']);
    expect((await whole(bus, 'runs.1')).at(-1)!.data).toMatchObject({ reason: 'again' });
  });

  it('may be forgotten while it is running, and so may a state', async () => {
    const { app, bus } = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1', 'items.1']);
    await client.until(() => client.messages.some(({ event }) => event === 'live'));
    await bus.publish('runs.1', 'a');
    await bus.publish('items.1', 'b');
    await bus.forget('runs.1');
    await bus.forget('items.1');
    await bus.publish('runs.1', 'c');
    await client.until(() => storyOf(client).length === 5);
    expect(storyOf(client).map(([event, topic]) => `${event as string} ${topic as string}`)).toEqual([
      'message runs.1',
      'message items.1',
      'removed runs.1',
      'removed items.1',
      'message runs.1',
    ]);
  });

  it.each<[what: string, says: RegExp, run: (bus: EventBus) => Promise<unknown>]>([
    [
      'end() of another topic',
      /end\(\) is for finite topics, and news is none.*finite: true/,
      (bus) => bus.end('news'),
    ],
    [
      'the last event of another topic',
      /end is for finite topics/,
      (bus) => bus.publish('items.1', 1, { end: true }),
    ],
    ['forget() of another topic', /forget\(\) is for finite and state topics/, (bus) => bus.forget('news')],
    ['end() of a wildcard', /for subscribing/, (bus) => bus.end('runs.*')],
    ['a reason of two words', /one word/, (bus) => bus.end('runs.1', { reason: 'not now' })],
    [
      'an ephemeral last event',
      /ephemeral/,
      (bus) => bus.publish('runs.1', 1, { end: true, ephemeral: true } as never),
    ],
    ['end among the metadata', /"end"/, (bus) => bus.publish('runs.1', 1, { meta: { end: 'done' } })],
  ])('refuses %s', async (_, says, run) => {
    const { bus } = await start();
    const error = await refusal(run(bus));
    expect(error.code).toMatch(/^INVALID_(OPTION|TOPIC)$/);
    expect(error.message).toMatch(says);
  });

  it.each<[what: string, says: RegExp, rule: object]>([
    ['state that ends', /topics\[0\]\.finite/, { state: true, finite: true }],
    ['ends without events', /topics\[0\]\.retention\.events/, { finite: true, retention: { events: 0 } }],
    ['a ttl for other topics', /topics\[0\]\.ttl .*state: true or finite: true/, { ttl: 5 }],
  ])('does not start with %s', async (_, says, rule) => {
    const error = await refusal(start({ topics: [{ pattern: 'a', ...rule }] }));
    expect([error.code, error.message]).toEqual(['INVALID_OPTION', expect.stringMatching(says)]);
  });
});
