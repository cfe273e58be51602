import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { Clock } from '../contracts/clock.js';
import { mostSentOn, TimerWheel } from './timer-wheel.js';

/** A wheel whose connections may get as old as `connectionAge`. */
function wheelOf(heartbeat: number, connectionAge = Infinity): TimerWheel {
  return new TimerWheel({ heartbeat, limits: { connectionAge } }, new Clock());
}

/** Lets the clock go on by so many milliseconds within one turn of the event loop. */
function block(milliseconds: number): void {
  for (const began = performance.now(); performance.now() < began + milliseconds;);
}

describe('The heartbeats of all connections', () => {
  it('come in time also where each turn of the event loop takes longer than a slot', async () => {
    const wheel = wheelOf(300);
    let heartbeats = 0;
    const target = { heartbeat: () => ++heartbeats < 0 };
    wheel.add(target);
    let turns = 0;
    for (; heartbeats < 3; turns++) {
      // A slot has 5 ms.
      block(20);
      await turn();
    }
    wheel.remove(target);
    // That is 45 turns. By the number of timers that Node calls, it were 180.
    expect(turns).toBeLessThan(100);
    expect(wheel.size).toBe(0);
  });

  it('are spread over the interval in the order of joining, and end with the connection', async () => {
    const wheel = wheelOf(120);
    const order: string[] = [];
    const join = (name: string) => {
      const target = { heartbeat: () => order.push(name) < 0 };
      wheel.add(target);
      return target;
    };
    const first = join('first');
    block(60);
    await turn();
    const second = join('second');
    while (order.length < 4) await turn();
    expect(order.slice(0, 4)).toEqual(['first', 'second', 'first', 'second']);
    wheel.remove(first);
    const before = order.length;
    while (order.length < before + 2) await turn();
    expect(order.slice(before)).not.toContain('first');
    wheel.remove(second);
  });
});

describe('The clock of the wheel', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('tells for a fifth of an interval that something was a short while ago', () => {
    const wheel = wheelOf(15_000);
    const target = { heartbeat: () => false };
    expect(wheel.isRecent(0)).toBe(false);
    wheel.add(target);
    jest.advanceTimersByTime(20_000);
    const then = wheel.time;
    jest.advanceTimersByTime(2_749);
    expect(wheel.isRecent(then)).toBe(true);
    jest.advanceTimersByTime(251);
    expect(wheel.isRecent(then)).toBe(false);
    wheel.remove(target);
  });
});

describe('Connections with an age', () => {
  /** Connections that joined in the same turn, and are sent on whenever they may be. */
  class Crowd {
    readonly ages: number[] = [];
    /** How many were sent on in each turn in which some were. */
    readonly turns: number[] = [];
    private inTurn = 0;

    constructor(wheel: TimerWheel, size: number) {
      for (let n = 0; n < size; n++) this.join(wheel);
    }

    private join(wheel: TimerWheel): void {
      const began = performance.now();
      const target = {
        heartbeat: (isOld: boolean) => {
          if (!isOld) return false;
          this.ages.push(performance.now() - began);
          wheel.remove(target);
          if (this.inTurn++ === 0)
            setImmediate(() => {
              this.turns.push(this.inTurn);
              this.inTurn = 0;
            });
          return true;
        },
      };
      wheel.add(target);
    }
  }

  it('are sent on at a random age from half of it on', async () => {
    const wheel = wheelOf(60, 2_000);
    const crowd = new Crowd(wheel, 200);
    while (wheel.size > 0) await turn();
    expect(Math.min(...crowd.ages)).toBeGreaterThanOrEqual(1_000);
    // All at the same time, or at the ends of the span alone, would be few different ages.
    expect(new Set(crowd.ages.map((age) => Math.floor(age / 60))).size).toBeGreaterThan(5);
  });

  it('are sent on few in a turn, also where all of them are due at once', async () => {
    const wheel = wheelOf(60, 200);
    const crowd = new Crowd(wheel, 1_000);
    // The node did not come to it: all are too old by now.
    block(250);
    while (wheel.size > 0) await turn();
    expect(crowd.ages).toHaveLength(1_000);
    expect(Math.max(...crowd.turns)).toBeLessThanOrEqual(mostSentOn);
  });

  it('are asked again if they could not go on', async () => {
    const wheel = wheelOf(60, 10);
    let asked = 0;
    const target = { heartbeat: (isOld: boolean) => isOld && ++asked === 3 };
    wheel.add(target);
    while (asked < 3) await turn();
    wheel.remove(target);
    expect(wheel.size).toBe(0);
  });

  it('live as long as they like without a limit', async () => {
    const wheel = wheelOf(60);
    const told: boolean[] = [];
    const target = { heartbeat: (isOld: boolean) => told.push(isOld) < 0 };
    wheel.add(target);
    while (told.length < 5) await turn();
    wheel.remove(target);
    expect(told).not.toContain(true);
  });
});
