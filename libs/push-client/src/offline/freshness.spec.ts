import { jest } from '@jest/globals';
import type { StatusChange } from '../link.js';
import { freshnessOf } from './index.js';

/** A client, and a live map, that are live or not. */
function source() {
  const listeners = new Set<() => unknown>();
  const add = (listener: () => unknown) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const state = { isLive: false, listeners };
  const set = (isLive: boolean) => {
    state.isLive = isLive;
    for (const listener of listeners) listener();
  };
  const map = {
    get isLive() {
      return state.isLive;
    },
    onChange: add as (listener: () => unknown) => () => void,
  };
  const client = {
    get status() {
      return state.isLive ? ('live' as const) : ('waiting' as const);
    },
    onStatus: add as unknown as (handler: (change: StatusChange) => unknown) => () => void,
  };
  return { set, map, client, listeners };
}

beforeEach(() => jest.useFakeTimers({ now: 1_000_000 }));
afterEach(() => jest.useRealTimers());

describe.each(['client', 'map'] as const)('The freshness of a %s', (kind) => {
  it('is lost after a while without a live connection, and says since when', () => {
    const { set, ...sources } = source();
    const freshness = freshnessOf(sources[kind], { after: 3_000 });
    const changes = jest.fn();
    freshness.onChange(changes);
    set(true);
    expect(freshness).toMatchObject({ isFresh: true, since: undefined });
    jest.advanceTimersByTime(60_000);
    set(false);
    expect(freshness).toMatchObject({ isFresh: true, since: 1_060_000 });
    jest.advanceTimersByTime(2_999);
    expect(freshness.isFresh).toBe(true);
    jest.advanceTimersByTime(1);
    expect(freshness).toMatchObject({ isFresh: false, since: 1_060_000 });
    expect(changes).toHaveBeenCalledTimes(3);
    set(true);
    expect(freshness).toMatchObject({ isFresh: true, since: undefined });
  });

  it('is kept over an interruption that nobody has to see', () => {
    const { set, ...sources } = source();
    const freshness = freshnessOf(sources[kind]);
    set(true);
    set(false);
    jest.advanceTimersByTime(4_000);
    set(true);
    jest.advanceTimersByTime(60_000);
    expect(freshness.isFresh).toBe(true);
  });

  it('is lost by what never becomes live; then nobody knows since when', () => {
    const freshness = freshnessOf(source()[kind], { after: 100 });
    jest.advanceTimersByTime(100);
    expect(freshness).toMatchObject({ isFresh: false, since: undefined });
  });

  it('is watched until it is closed', () => {
    const { set, listeners, ...sources } = source();
    const life = new AbortController();
    const freshness = freshnessOf(sources[kind], { after: 100, signal: life.signal });
    life.abort();
    jest.advanceTimersByTime(100);
    set(true);
    expect(listeners.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    expect(freshness.isFresh).toBe(true);
  });
});
