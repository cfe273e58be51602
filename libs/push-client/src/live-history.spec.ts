import { jest } from '@jest/globals';
import fc from 'fast-check';
import { HistoryLog } from '../test/models/history-log.js';
import { LiveHistory, type LiveHistoryOptions } from './live-history.js';
import { PushError } from './push-error.js';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] }));
afterEach(() => jest.useRealTimers());

/** Resolves after everything that promises bring. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function open(log: HistoryLog, options?: LiveHistoryOptions<number>): LiveHistory<number> {
  return new LiveHistory<number>(log, 't', log.readPage, options);
}

const numbers = ({ events }: LiveHistory<number>) => events.map(({ data }) => data);

/** `from`, and the numbers below it down to `to`. */
const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);

/** A log with so many events, and its history, whose newest page is there. */
async function started(count: number, options?: LiveHistoryOptions<number>) {
  const log = new HistoryLog();
  for (let number = 0; number < count; number++) log.publish();
  const history = open(log, options);
  log.answer();
  await settled();
  log.deliver();
  await settled();
  return { log, history };
}

async function answered(log: HistoryLog): Promise<void> {
  log.answer();
  await settled();
  log.deliver();
  await settled();
}

describe('A live history', () => {
  it('begins with the newest page, goes on after it, and goes back to the beginning', async () => {
    const { log, history } = await started(8, { limit: 3 });
    expect([numbers(history), history.hasOlder, history.isLoading, history.isLive]).toEqual([
      [8, 7, 6],
      true,
      false,
      true,
    ]);
    log.publish();
    log.deliver();
    await settled();
    expect(numbers(history)).toEqual(down(9, 6));
    for (let page = 0; page < 2; page++) {
      void history.loadOlder();
      expect(history.isLoading).toBe(true);
      await answered(log);
    }
    expect([numbers(history), history.hasOlder, history.gap]).toEqual([down(9, 1), false, undefined]);
    await history.loadOlder();
    expect(log.waiting).toBe(0);
  });

  it('shows what it was given, and asks for nothing', async () => {
    const log = new HistoryLog();
    for (let number = 0; number < 5; number++) log.publish();
    const events = [3, 4].map((number) => ({ topic: 't', id: String(number), data: number }));
    const history = open(log, { start: { events, before: '3' } });
    expect([numbers(history), history.hasOlder, history.isLoading]).toEqual([[4, 3], true, false]);
    log.deliver();
    await settled();
    expect([numbers(history), log.starts, log.waiting]).toEqual([[5, 4, 3], ['4'], 0]);
  });

  it('begins with nothing where there is nothing', async () => {
    const { log, history } = await started(0);
    expect([numbers(history), history.hasOlder, history.isLive, log.starts]).toEqual([
      [],
      false,
      true,
      ['earliest'],
    ]);
  });

  it('asks once for a page that is asked for twice', async () => {
    const { log, history } = await started(8, { limit: 3 });
    const both = [history.loadOlder(), history.loadOlder()];
    expect([log.waiting, both[0] === both[1]]).toEqual([1, true]);
    await answered(log);
    expect(numbers(history)).toEqual(down(8, 3));
  });

  it('loads its newest page once there is a connection, if it began without', async () => {
    const log = new HistoryLog();
    log.publish();
    log.say('waiting');
    const history = open(log);
    log.fail();
    await settled();
    expect([history.error?.code, history.isLoading]).toEqual(['UNAVAILABLE', false]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(log.waiting).toBe(0);
    log.say('live');
    await answered(log);
    expect([numbers(history), history.error, history.isLive]).toEqual([[1], undefined, true]);
  });

  it.each(['live', 'idle'] as const)('asks again soon where the connection is %s', async (status) => {
    const log = new HistoryLog();
    log.publish();
    log.say(status);
    const history = open(log);
    log.fail(new PushError('LIMIT_EXCEEDED', 'later', true));
    await settled();
    expect(log.waiting).toBe(0);
    await jest.advanceTimersByTimeAsync(2_000);
    await answered(log);
    expect([numbers(history), history.error]).toEqual([[1], undefined]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says what the server has refused, and asks again with the next connection only', async () => {
    const log = new HistoryLog();
    const history = open(log);
    log.fail(new PushError('FORBIDDEN', 'no'));
    await settled();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([history.error?.code, log.waiting, log.isRead]).toEqual(['FORBIDDEN', 0, false]);
    log.say('live');
    expect(log.waiting).toBe(1);
  });

  it('keeps what it has where an older page cannot be loaded, and tries again when asked', async () => {
    const { log, history } = await started(8, { limit: 3 });
    void history.loadOlder();
    log.fail('broken');
    await settled();
    expect([numbers(history), history.error?.message, history.hasOlder]).toEqual([
      down(8, 6),
      'broken',
      true,
    ]);
    void history.loadOlder();
    await answered(log);
    expect([numbers(history), history.error]).toEqual([down(8, 3), undefined]);
  });

  it('is loaded again after a gap, whatever was under way', async () => {
    const { log, history } = await started(8, { limit: 3 });
    void history.loadOlder();
    for (let number = 0; number < 5; number++) log.publish();
    log.evict(10);
    log.cut();
    log.deliver();
    await answered(log);
    expect(log.waiting).toBe(1);
    await answered(log);
    expect([numbers(history), history.hasOlder, history.gap]).toEqual([[13, 12, 11], false, 'evicted']);
  });

  it('asks again where it cannot be loaded after a gap', async () => {
    const { log, history } = await started(3);
    log.publish();
    log.publish();
    log.evict(4);
    log.cut();
    log.deliver();
    log.fail();
    await settled();
    await jest.advanceTimersByTimeAsync(2_000);
    await answered(log);
    expect([numbers(history), history.gap, history.error]).toEqual([[5], 'evicted', undefined]);
  });

  it('drops the oldest above its limit, and can load them again', async () => {
    const { log, history } = await started(3, { limit: 3, most: 4 });
    for (let number = 0; number < 3; number++) log.publish();
    log.deliver();
    await settled();
    expect([numbers(history), history.hasOlder]).toEqual([down(6, 3), true]);
    void history.loadOlder();
    await answered(log);
    expect([numbers(history), history.hasOlder]).toEqual([down(6, 1), false]);
    // What was asked for is not dropped by itself.
    log.publish();
    log.deliver();
    await settled();
    expect(numbers(history)).toEqual(down(7, 2));
  });

  it('is empty after a removal, leaves out what is not stored, and tells of an end and a refusal', async () => {
    const { log, history } = await started(3);
    log.ephemeral();
    log.deliver();
    await settled();
    expect(numbers(history)).toEqual([3, 2, 1]);
    log.notice({ event: 'removed', data: { topic: 't', id: '4' } });
    log.notice({ event: 'ended', data: { topic: 't', reason: 'done' } });
    log.end(new PushError('FORBIDDEN', 'no longer'));
    await settled();
    expect([numbers(history), history.ended?.reason, history.error?.code]).toEqual([[], 'done', 'FORBIDDEN']);
  });

  it('tells once of what happens in one turn, with the same events until they change', async () => {
    const { log, history } = await started(1);
    let calls = 0;
    const before = history.events;
    history.onChange(() => calls++);
    log.say('live');
    await settled();
    expect([calls, history.events === before]).toEqual([1, true]);
    for (let number = 0; number < 3; number++) log.publish();
    log.deliver();
    await settled();
    expect([calls, numbers(history)]).toEqual([2, [4, 3, 2, 1]]);
  });

  it('leaves nothing behind when it is closed', async () => {
    const { log, history } = await started(1);
    history.close();
    const early = open(log);
    early.close();
    log.answer();
    const failed = open(log);
    log.fail();
    await settled();
    failed.close();
    await settled();
    expect([log.isRead, jest.getTimerCount(), numbers(history), numbers(early)]).toEqual([false, 0, [1], []]);
    log.say('live');
    expect(log.waiting).toBe(0);
  });

  it('shows nothing on top of a hole while the newest page is loaded again', async () => {
    const { log, history } = await started(1);
    log.cut();
    log.publish();
    log.publish();
    log.evict(2);
    log.cut();
    log.deliver();
    await settled();
    expect([numbers(history), log.waiting]).toEqual([[1], 1]);
    await answered(log);
    expect(numbers(history)).toEqual([3]);
  });

  it('has no hole and nothing twice, whatever is published, cut, lost, loaded and refused', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant('publish' as const) },
      { weight: 4, arbitrary: fc.constantFrom('deliver' as const, 'answer' as const, 'settle' as const) },
      { weight: 2, arbitrary: fc.constantFrom('older' as const, 'cut' as const, 'fail' as const) },
      { weight: 1, arbitrary: fc.constantFrom('evict' as const, 'ephemeral' as const, 'wait' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (script) => {
        const log = new HistoryLog();
        const history = open(log, { limit: 3, most: 6 });
        const whole = () => {
          const shown = numbers(history);
          expect(shown).toEqual(down(shown[0] ?? 0, shown.at(-1) ?? 1));
        };
        history.onChange(whole);
        for (const each of script) {
          if (each === 'publish') log.publish();
          else if (each === 'deliver') log.deliver(2);
          else if (each === 'answer' && log.waiting) log.answer();
          else if (each === 'fail' && log.waiting) log.fail();
          else if (each === 'settle') await settled();
          else if (each === 'older') void history.loadOlder();
          else if (each === 'cut') log.cut();
          else if (each === 'evict') log.evict(2);
          else if (each === 'ephemeral') log.ephemeral();
          else if (each === 'wait') await jest.advanceTimersByTimeAsync(2_000);
        }
        for (let round = 0; round < 4; round++) {
          while (log.waiting) await answered(log);
          await jest.advanceTimersByTimeAsync(2_000);
          log.deliver();
          await settled();
        }
        whole();
        expect(history.isLive).toBe(true);
        expect(numbers(history)[0]).toBe(log.count > log.evicted ? log.count : numbers(history)[0]);
        expect(log.errors).toEqual([]);
        history.close();
      }),
      { numRuns: 200 },
    );
  }, 300_000);
});
