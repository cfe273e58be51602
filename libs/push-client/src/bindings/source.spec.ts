import { Listeners } from '../listeners.js';
import { sourceOf, type Live } from './source.js';

/** Something live, and what becomes of it. */
class Counter implements Live {
  count = 0;
  isClosed = false;
  readonly #changes: Listeners<void>;

  constructor(onError: (error: unknown) => void) {
    this.#changes = new Listeners(onError);
  }

  readonly onChange = (listener: () => unknown) => this.#changes.add(listener);

  increase(): void {
    this.count++;
    this.#changes.emit();
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A client, and what its sources have opened. */
function setUp() {
  const errors: unknown[] = [];
  const client = { onError: (error: unknown) => void errors.push(error) };
  const opened: Counter[] = [];
  let reads = 0;
  const source = (key = 'a', of = client) =>
    sourceOf(of, key, {
      initial: { count: -1 },
      open() {
        const counter = new Counter(of.onError);
        opened.push(counter);
        return counter;
      },
      read({ count }) {
        reads++;
        return { count };
      },
    });
  return { client, errors, opened, source, reads: () => reads };
}

/** Resolves after what was scheduled for the end of this turn. */
const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

describe('A source', () => {
  it('opens nothing until somebody listens', () => {
    const { opened, source } = setUp();
    const one = source();
    expect([one.get(), one.get() === one.initial, one.live, opened.length]).toEqual([
      { count: -1 },
      true,
      undefined,
      0,
    ]);
  });

  it('is shared by all of the same client and key', () => {
    const { opened, source } = setUp();
    const heard: string[] = [];
    const [one, other] = [source(), source()];
    one.subscribe(() => heard.push('one'));
    other.subscribe(() => heard.push('other'));
    source('b').subscribe(() => heard.push('b'));
    source('a', { onError: () => undefined }).subscribe(() => heard.push('client'));
    expect(opened).toHaveLength(3);
    opened[0]!.increase();
    expect(heard).toEqual(['one', 'other']);
    expect(one.get()).toEqual({ count: 1 });
    expect(other.get()).toBe(one.get());
    expect(other.live).toBe(opened[0]);
  });

  it('has the same value until something changes, and reads it once for all', () => {
    const { opened, source, reads } = setUp();
    const values: unknown[] = [];
    for (const one of [source(), source(), source()]) one.subscribe(() => values.push(one.get()));
    expect(reads()).toBe(1);
    opened[0]!.increase();
    expect(reads()).toBe(2);
    expect(new Set(values).size).toBe(1);
  });

  it('stays open for who comes in the turn in which the last one goes', async () => {
    const { opened, source } = setUp();
    const one = source();
    one.subscribe(() => undefined)();
    const stop = one.subscribe(() => undefined);
    await turn();
    expect(opened).toMatchObject([{ isClosed: false }]);
    stop();
    stop();
    await turn();
    expect(opened).toMatchObject([{ isClosed: true }]);
    expect(one.get()).toBe(one.initial);
  });

  it('is opened once more after that', async () => {
    const { opened, source } = setUp();
    const stops = [source().subscribe(() => undefined), source().subscribe(() => undefined)];
    opened[0]!.increase();
    for (const stop of stops) stop();
    await turn();
    const late = source();
    const stop = late.subscribe(() => undefined);
    expect(late.get()).toEqual({ count: 0 });
    expect(opened).toMatchObject([{ isClosed: true }, { isClosed: false }]);
    // Those who were there before have no part in it.
    for (const each of stops) each();
    await turn();
    expect(opened[1]!.isClosed).toBe(false);
    stop();
    await turn();
    expect(opened[1]!.isClosed).toBe(true);
  });

  it('calls a function twice that was added twice, and removes one of the two', () => {
    const { opened, source } = setUp();
    let calls = 0;
    const listener = () => void calls++;
    const one = source();
    const stop = one.subscribe(listener);
    one.subscribe(listener);
    opened[0]!.increase();
    stop();
    opened[0]!.increase();
    expect(calls).toBe(3);
  });

  it('keeps the errors of a listener from the others', () => {
    const { errors, opened, source } = setUp();
    const heard: string[] = [];
    source().subscribe(() => {
      throw new Error('broken');
    });
    source().subscribe(() => heard.push('well'));
    opened[0]!.increase();
    expect(heard).toEqual(['well']);
    expect(errors).toEqual([new Error('broken')]);
  });
});
