import { EventBus, PushError, PushModule } from 'nestjs-push';
import { firstValueFrom, take, toArray } from 'rxjs';
import { busWith } from './support/bus.js';
import { openStream } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

const idGrammar = /^[A-Za-z0-9_-]{1,64}$/;

describe('publish()', () => {
  it('resolves with an id of the documented form, and the ids differ', async () => {
    const bus = await busWith();
    const ids = await Promise.all([bus.publish('a', 1), bus.publish('b', 2)]);
    for (const id of ids) expect(id).toMatch(idGrammar);
    expect(new Set(ids).size).toBe(2);
    expect(bus.stats()).toMatchObject({ window: { events: 2, topics: 2 }, positions: { head: ids[1] } });
  });

  it('stores a messageId once, and answers the id of the first event', async () => {
    const bus = await busWith();
    const first = await bus.publish('a', 1, { messageId: 'm-1' });
    expect(await bus.publish('a', 2, { messageId: 'm-1' })).toBe(first);
    expect(await bus.publish('elsewhere', 3, { messageId: 'm-1' })).toBe(first);
    const [second, again] = await Promise.all([
      bus.publish('a', 4, { messageId: 'm-2' }),
      bus.publish('a', 5, { messageId: 'm-2' }),
    ]);
    expect(again).toBe(second);
    expect(bus.stats().window.events).toBe(2);
    const kept = firstValueFrom(
      bus.stream('>', { from: 'earliest', wildcards: true }).pipe(take(2), toArray()),
    );
    expect((await kept).map(({ data }) => data)).toEqual([1, 4]);
  });

  it('sends an ephemeral event to who is there, without id, and stores nothing', async () => {
    const bus = await busWith();
    const seen = firstValueFrom(bus.on('a'));
    expect(await bus.publish('a', 'now', { ephemeral: true, type: 'blink' })).toBeUndefined();
    expect(await seen).toEqual({ id: undefined, topic: 'a', type: 'blink', data: 'now' });
    expect(bus.stats().window).toMatchObject({ events: 0, topics: 0 });
  });

  it('carries metadata to the handlers and streams of the server, and to no client', async () => {
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics: [{ pattern: '>', access: 'public' }] })],
    });
    const { bus } = app;
    const handled = firstValueFrom(bus.on('a'));
    const streamed = firstValueFrom(bus.stream('a'));
    const ephemeral = firstValueFrom(bus.on('b'));
    const sse = await openStream(app.url('/push/events?topic=a&topic=b'));
    const ws = await openWs(app.webSocketUrl());
    await ws.subscribe(['a', 'b']);
    const meta = { traceparent: '00-4bf9', attempt: 2, urgent: true };
    const id = await bus.publish('a', 1, { meta });
    await bus.publish('b', 2, { meta, ephemeral: true });
    expect(await handled).toEqual({ id, topic: 'a', type: undefined, data: 1, meta });
    expect(await streamed).toEqual({ id, data: 1, meta });
    expect(await ephemeral).toMatchObject({ data: 2, meta });
    await sse.untilEvents(2);
    await ws.untilData(2);
    expect(JSON.stringify([sse.body, ws.messages])).not.toContain('4bf9');
    await expect(bus.publish('a', 1, { meta: { removed: true } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    const many = bus.publishMany([
      { topic: 'a', data: 1 },
      { topic: 'a', data: 2, meta: { $own: 1 } },
    ]);
    await expect(many).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(bus.stats().window.events).toBe(1);
  });

  it('carries the type', async () => {
    const bus = await busWith();
    const streamed = firstValueFrom(bus.stream('a'));
    const handled = firstValueFrom(bus.on('a'));
    const id = await bus.publish('a', { n: 1 }, { type: 'changed' });
    expect(await streamed).toEqual({ id, type: 'changed', data: { n: 1 } });
    expect(await handled).toEqual({ id, topic: 'a', type: 'changed', data: { n: 1 } });
  });

  it('takes any JSON: null, strings, numbers, arrays, objects with toJSON', async () => {
    const bus = await busWith();
    const all = [null, false, 0, '', 'text', [1, [2]], { a: { b: 'ü' } }];
    const handled = firstValueFrom(bus.on('a').pipe(take(all.length + 1), toArray()));
    for (const data of [...all, new Date(0)]) await bus.publish('a', data);
    expect((await handled).map(({ data }) => data)).toEqual([...all, '1970-01-01T00:00:00.000Z']);
  });

  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const throwing = {
    toJSON() {
      throw new Error('no');
    },
  };
  const refused: [what: string, code: string, says: RegExp, publish: (bus: EventBus) => Promise<unknown>][] =
    [
      ['an empty topic', 'INVALID_TOPIC', /"" is not a topic/, (bus) => bus.publish('', 1)],
      ['an empty token', 'INVALID_TOPIC', /a\.\.b/, (bus) => bus.publish('a..b', 1)],
      ['a leading dot', 'INVALID_TOPIC', /joined by "\."/, (bus) => bus.publish('.a', 1)],
      ['a space', 'INVALID_TOPIC', /encodeURIComponent/, (bus) => bus.publish('a b', 1)],
      ['a line break', 'INVALID_TOPIC', /visible ASCII/, (bus) => bus.publish('a\nid: 7', 1)],
      ['a NUL', 'INVALID_TOPIC', /visible ASCII/, (bus) => bus.publish('a\0', 1)],
      ['an umlaut', 'INVALID_TOPIC', /URL-encode/, (bus) => bus.publish('ä', 1)],
      ['a topic too long', 'INVALID_TOPIC', /255/, (bus) => bus.publish('a'.repeat(256), 1)],
      ['a wildcard', 'INVALID_TOPIC', /for subscribing/, (bus) => bus.publish('a.*', 1)],
      ['no topic', 'INVALID_TOPIC', /undefined/, (bus) => bus.publish(undefined as never, 1)],
      ['undefined', 'DATA_NOT_SERIALIZABLE', /Publish null/, (bus) => bus.publish('a', undefined)],
      ['a function', 'DATA_NOT_SERIALIZABLE', /is function/, (bus) => bus.publish('a', () => 1)],
      ['a symbol', 'DATA_NOT_SERIALIZABLE', /is symbol/, (bus) => bus.publish('a', Symbol('s'))],
      ['a BigInt', 'DATA_NOT_SERIALIZABLE', /BigInts/, (bus) => bus.publish('a', 1n)],
      ['a cycle', 'DATA_NOT_SERIALIZABLE', /cycles/, (bus) => bus.publish('a', cycle)],
      ['a toJSON that throws', 'DATA_NOT_SERIALIZABLE', /JSON/, (bus) => bus.publish('a', throwing)],
      ['too much', 'DATA_TOO_LARGE', /maxEventBytes is 1000/, (bus) => bus.publish('a', 'x'.repeat(999))],
      ['too much UTF-8', 'DATA_TOO_LARGE', /1001 bytes/, (bus) => bus.publish('a', 'ü'.repeat(499) + 'x')],
      ['a type with a line break', 'INVALID_TYPE', /control/, (bus) => bus.publish('a', 1, { type: 'x\ny' })],
      ['a type with CR', 'INVALID_TYPE', /control/, (bus) => bus.publish('a', 1, { type: 'x\ry' })],
      ['a type with NUL', 'INVALID_TYPE', /control/, (bus) => bus.publish('a', 1, { type: 'x\0y' })],
      ['an empty type', 'INVALID_TYPE', /1 to 128/, (bus) => bus.publish('a', 1, { type: '' })],
      ['the type error', 'INVALID_TYPE', /"error"/, (bus) => bus.publish('a', 1, { type: 'error' })],
      ['the type open', 'INVALID_TYPE', /"open"/, (bus) => bus.publish('a', 1, { type: 'open' })],
      ['a reserved type', 'INVALID_TYPE', /push\./, (bus) => bus.publish('a', 1, { type: 'push.gap' })],
      ['a type too long', 'INVALID_TYPE', /128/, (bus) => bus.publish('a', 1, { type: 'x'.repeat(129) })],
      ['an empty messageId', 'INVALID_OPTION', /UUID/, (bus) => bus.publish('a', 1, { messageId: '' })],
      [
        'a messageId with a space',
        'INVALID_OPTION',
        /UUID/,
        (bus) => bus.publish('a', 1, { messageId: 'a b' }),
      ],
    ];

  it.each(refused)('refuses %s with %s, and stores nothing', async (_, code, says, publish) => {
    const bus = await busWith({ maxEventBytes: 1_000 });
    const before = bus.stats();
    const error: unknown = await publish(bus).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PushError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) as string });
    expect(bus.stats()).toEqual(before);
  });

  it('takes exactly maxEventBytes', async () => {
    const bus = await busWith({ maxEventBytes: 1_000 });
    await bus.publish('a', 'x'.repeat(998));
    await bus.publish('a', 'ü'.repeat(499));
    expect(bus.stats().window.events).toBe(2);
  });
});

describe('publishMany()', () => {
  it('publishes in order, each with its options', async () => {
    const bus = await busWith();
    const seen = firstValueFrom(bus.on('>').pipe(take(3), toArray()));
    const ids = await bus.publishMany([
      { topic: 'a', data: 1 },
      { topic: 'b', data: 2, type: 't' },
      { topic: 'c', data: 3, ephemeral: true },
    ]);
    expect(ids).toEqual([expect.stringMatching(idGrammar), expect.stringMatching(idGrammar), undefined]);
    expect((await seen).map(({ topic, type, data }) => [topic, type, data])).toEqual([
      ['a', undefined, 1],
      ['b', 't', 2],
      ['c', undefined, 3],
    ]);
  });

  it('stores none if one is refused', async () => {
    const bus = await busWith();
    const publishing = bus.publishMany([
      { topic: 'a', data: 1 },
      { topic: 'a', data: 2n },
    ]);
    await expect(publishing).rejects.toMatchObject({ code: 'DATA_NOT_SERIALIZABLE' });
    expect(bus.stats().window.events).toBe(0);
  });

  it('takes none at all', async () => {
    expect(await (await busWith()).publishMany([])).toEqual([]);
  });
});
