import { getEventListeners } from 'node:events';
import { Clock } from './clock.js';

describe('A pause', () => {
  it('ends when its time is over, or as soon as nobody waits for it', async () => {
    const clock = new Clock();
    const { signal } = new AbortController();
    await clock.pause(1, signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const controller = new AbortController();
    const long = clock.pause(100_000_000, controller.signal);
    controller.abort();
    await long;
    await clock.pause(100_000_000, controller.signal);
  });
});
