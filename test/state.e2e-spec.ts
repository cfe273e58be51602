import { EventBus, type PushOptions } from 'nestjs-push';
import { firstValueFrom, take, toArray } from 'rxjs';
import { busWith as createBus } from './support/bus.js';
import { ExampleBackplane, ExampleLog } from './support/example-backplane.js';
import { refusal } from './support/refusal.js';

const topics = [
  { pattern: 'notes.drafts.*', retention: { events: 3 } },
  { pattern: 'notes.>', state: true },
  { pattern: 'prices.:symbol', state: true, ttl: 60_000, tombstones: 1_000 },
];

const busWith = (options: PushOptions = {}) => createBus({ topics, ...options });

describe('State topics', () => {
  it('publish compares and sets: who expects what is not there is told what is', async () => {
    const bus = await busWith();
    const first = await bus.publish('notes.1', 'a', { expect: 'none' });
    const second = await bus.publish('notes.1', 'b', { expect: first });
    expect(await refusal(bus.publish('notes.1', 'c', { expect: first }))).toMatchObject({
      code: 'CONFLICT',
      status: 409,
      retryable: false,
      currentId: second,
    });
    const absent = await refusal(bus.publish('notes.2', 'c', { expect: first }));
    expect([absent.code, absent.currentId]).toEqual(['CONFLICT', undefined]);
    const many = bus.publishMany([
      { topic: 'notes.1', data: 'd', expect: second },
      { topic: 'notes.1', data: 'e', expect: second },
      { topic: 'notes.3', data: 'f' },
    ]);
    expect(await refusal(many)).toMatchObject({ code: 'CONFLICT' });
    const kept = bus.stream('notes.>', { from: 'last', wildcards: true }).pipe(take(2), toArray());
    expect((await firstValueFrom(kept)).map(({ data }) => data)).toEqual(['d', 'f']);
  });

  it('remove() leaves a removal, which handlers see; then there is no state', async () => {
    const bus = await busWith();
    const handled = firstValueFrom(bus.on('notes.*').pipe(take(3), toArray()));
    const first = await bus.publish('notes.1', 'a');
    const removed = await bus.remove('notes.1', { expect: first, messageId: 'gone' });
    expect(await bus.remove('notes.1', { expect: first, messageId: 'gone' })).toBe(removed);
    expect(await refusal(bus.remove('notes.1', { expect: first }))).toMatchObject({ currentId: removed });
    const again = await bus.publish('notes.1', 'b', { expect: 'none' });
    expect(await handled).toMatchObject([
      { id: first, data: 'a', meta: undefined },
      { id: removed, data: null, meta: { removed: true } },
      { id: again, data: 'b' },
    ]);
  });

  it.each<[what: string, says: RegExp, run: (bus: EventBus) => Promise<unknown>]>([
    [
      'expect on another topic',
      /notes\.drafts\.1 is none.*state: true/,
      (bus) => bus.publish('notes.drafts.1', 1, { expect: 'none' }),
    ],
    [
      'remove() of another topic',
      /remove\(\) is for state topics, and orders is none/,
      (bus) => bus.remove('orders'),
    ],
    ['remove() of a wildcard', /for subscribing/, (bus) => bus.remove('notes.*')],
    [
      'expect of an ephemeral event',
      /ephemeral/,
      (bus) => bus.publish('notes.1', 1, { expect: 'none', ephemeral: true }),
    ],
    [
      'an expect that is no id',
      /id of an event, or "none"/,
      (bus) => bus.publish('prices.x', 1, { expect: '7' }),
    ],
    [
      'an expect that is null',
      /id of an event/,
      (bus) => bus.publish('prices.x', 1, { expect: null as never }),
    ],
  ])('refuses %s', async (_, says, run) => {
    const error = await refusal(run(await busWith()));
    expect(error.code).toMatch(/^INVALID_(OPTION|TOPIC)$/);
    expect(error.message).toMatch(says);
  });

  it.each<[what: string, says: RegExp, options: PushOptions]>([
    [
      'a retention beside state',
      /topics\[0\]\.retention/,
      { topics: [{ pattern: 'a', state: true, retention: { events: 1 } }] },
    ],
    [
      'a ttl without state',
      /topics\[0\]\.ttl .*only with state: true/,
      { topics: [{ pattern: 'a', ttl: 5 }] },
    ],
    ['tombstones without state', /topics\[0\]\.tombstones/, { topics: [{ pattern: 'a', tombstones: 5 }] }],
    [
      'tombstones for ever',
      /topics\[0\]\.tombstones/,
      { topics: [{ pattern: 'a', state: true, tombstones: Infinity }] },
    ],
    [
      'a backplane that keeps no state',
      /ExampleBackplane keeps no state/,
      { backplane: new ExampleBackplane(new ExampleLog()) },
    ],
  ])('%s ends the start', async (_, says, options) => {
    const error = await refusal(busWith(options));
    expect([error.code, error.message]).toEqual(['INVALID_OPTION', expect.stringMatching(says)]);
  });

  it('are bounded in memory: more state is refused, and what is there stays', async () => {
    const bus = await busWith({ retention: { stateBytes: 10_000 } });
    const published = Array.from({ length: 20 }, (_, n) => bus.publish(`notes.${n}`, 'x'.repeat(1_000)));
    const results = await Promise.allSettled(published);
    const stored = results.filter(({ status }) => status === 'fulfilled').length;
    expect(stored).toBeGreaterThan(3);
    expect(stored).toBeLessThan(10);
    const error = await refusal(bus.publish('notes.more', 'x'.repeat(1_000)));
    expect([error.code, error.message]).toEqual([
      'LIMIT_EXCEEDED',
      expect.stringMatching(/retention\.stateBytes/),
    ]);
    await bus.publish('orders', 'x'.repeat(20_000));
    await bus.publish('notes.0', 'smaller');
    await bus.remove('notes.1');
    await bus.publish('notes.more', 'x'.repeat(1_000));
  });
});
