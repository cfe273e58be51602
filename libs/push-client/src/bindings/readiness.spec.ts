import { jest } from '@jest/globals';
import { Listeners } from '../listeners.js';
import { readinessOf } from './readiness.js';
import { sourceOf } from './source.js';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] }));
afterEach(() => jest.useRealTimers());

function setUp() {
  const client = { onError: (error: unknown) => expect(error).toBeUndefined() };
  const changes = new Listeners<void>(client.onError);
  const state = { value: undefined as string | undefined, opened: 0, closed: 0 };
  const source = sourceOf(client, 'a', {
    initial: undefined as string | undefined,
    open() {
      state.opened++;
      return { onChange: (listener) => changes.add(listener), close: () => void state.closed++ };
    },
    read: () => state.value,
  });
  const set = (value: string) => {
    state.value = value;
    changes.emit();
  };
  return { source, state, set };
}

const isThere = (value: unknown) => value !== undefined;

describe('Waiting for a source', () => {
  it('opens it after the rendering, and ends as soon as it is ready', async () => {
    const { source, state, set } = setUp();
    const ready = readinessOf(source, isThere);
    expect(state.opened).toBe(0);
    await Promise.resolve();
    expect(state.opened).toBe(1);
    expect(readinessOf(source, isThere)).toBe(ready);
    set('x');
    await ready;
    expect(source.get()).toBe('x');
    expect(jest.getTimerCount()).toBe(1);
  });

  it('leaves it open for the component, and closes it if none comes', async () => {
    const { source, state, set } = setUp();
    const ready = readinessOf(source, isThere);
    await Promise.resolve();
    set('x');
    await ready;
    const stop = source.subscribe(() => undefined);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(state).toMatchObject({ opened: 1, closed: 0 });
    stop();
    await Promise.resolve();
    expect(state).toMatchObject({ opened: 1, closed: 1 });
  });

  it('lets go of it if it is never ready and nobody asks again', async () => {
    const { source, state } = setUp();
    let isOver = false;
    void readinessOf(source, isThere).then(() => (isOver = true));
    await jest.advanceTimersByTimeAsync(9_999);
    expect([isOver, state.closed]).toEqual([false, 0]);
    await jest.advanceTimersByTimeAsync(1);
    expect([isOver, state.closed]).toEqual([true, 0]);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(state.closed).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps it open without a break for who asks again', async () => {
    const { source, state, set } = setUp();
    for (let round = 0; round < 3; round++) {
      const ready = readinessOf(source, isThere);
      await jest.advanceTimersByTimeAsync(10_000);
      await ready;
    }
    const ready = readinessOf(source, isThere);
    await Promise.resolve();
    set('x');
    await ready;
    expect(state).toMatchObject({ opened: 1, closed: 0 });
  });
});
