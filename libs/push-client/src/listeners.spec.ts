import { Listeners } from './listeners.js';

describe('Listeners', () => {
  it('that throw, or reject, harm no other', async () => {
    const errors: unknown[] = [];
    const got: number[] = [];
    const listeners = new Listeners<number>((error) => errors.push(error));
    listeners.add(() => {
      throw new Error('thrown');
    });
    listeners.add(() => Promise.reject(new Error('rejected')));
    listeners.add((value) => got.push(value));
    listeners.emit(1);
    await Promise.resolve();
    expect(got).toEqual([1]);
    expect(errors.map(String)).toEqual(['Error: thrown', 'Error: rejected']);
  });

  it('stop by themselves, or by a signal; one that is added twice stops once', () => {
    const got: string[] = [];
    const listeners = new Listeners<string>(() => undefined);
    const controller = new AbortController();
    const twice = (value: string) => got.push(`twice ${value}`);
    listeners.add((value) => got.push(`signal ${value}`), { signal: controller.signal });
    listeners.add(() => got.push('never'), { signal: AbortSignal.abort() });
    const stop = listeners.add(twice);
    listeners.add(twice);
    listeners.emit('a');
    controller.abort();
    stop();
    stop();
    listeners.emit('b');
    expect(got).toEqual(['signal a', 'twice a', 'twice a', 'twice b']);
  });
});
