import { SampledLog } from './sampled-log.js';

/** A log that may write two lines of a kind in a second, and a clock that the test moves. */
class Trial {
  readonly lines: string[] = [];
  private time = 0;
  private timers: { readonly due: number; readonly run: () => void }[] = [];
  readonly log = new SampledLog<'Connected' | 'Refused'>(
    { debug: (line: string) => this.lines.push(line) },
    2,
    1_000,
    {
      now: () => this.time,
      after: (milliseconds, run) => this.timers.push({ due: this.time + milliseconds, run }),
    },
  );

  get waiting(): number {
    return this.timers.length;
  }

  write(kind: 'Connected' | 'Refused', times = 1): void {
    for (let n = 1; n <= times; n++) this.log.write(kind, () => `${kind} ${n}`);
  }

  pass(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.timers.filter((timer) => timer.due <= this.time);
    this.timers = this.timers.filter((timer) => timer.due > this.time);
    due.forEach(({ run }) => run());
  }
}

it('writes so many lines of a kind in an interval, and says at its end how many it left out', () => {
  const trial = new Trial();
  trial.write('Refused', 10_000);
  expect(trial.lines).toEqual(['Refused 1', 'Refused 2']);
  trial.pass(999);
  expect(trial.lines).toHaveLength(2);
  trial.pass(1);
  expect(trial.lines[2]).toBe('Lines left out, because there were too many: 9998 of "Refused".');
  trial.write('Refused');
  expect(trial.lines[3]).toBe('Refused 1');
});

it('writes lines of one kind while there is a flood of another, and has one timer for all', () => {
  const trial = new Trial();
  trial.write('Refused', 1_000);
  trial.write('Connected', 5);
  expect(trial.lines.slice(2)).toEqual(['Connected 1', 'Connected 2']);
  expect(trial.waiting).toBe(1);
  trial.pass(1_000);
  expect(trial.lines.at(-1)).toContain('998 of "Refused", 3 of "Connected"');
  expect(trial.waiting).toBe(0);
});

it('has no timer, and says nothing, where nothing is left out', () => {
  const trial = new Trial();
  for (let second = 0; second < 5; second++) {
    trial.write('Connected', 2);
    trial.pass(1_000);
  }
  expect(trial.lines).toHaveLength(10);
  expect(trial.waiting).toBe(0);
});

it('makes no text for a line that it leaves out', () => {
  const trial = new Trial();
  let made = 0;
  for (let n = 0; n < 100; n++) trial.log.write('Refused', () => `${++made}`);
  expect(made).toBe(2);
});

it('keeps a line one line, and bounds its length', () => {
  const trial = new Trial();
  trial.log.write('Refused', () => 'ann\nRefused: bob\u2028\u001b[2J');
  trial.log.write('Refused', () => 'x'.repeat(100_000));
  expect(trial.lines[0]).toBe('ann\\u000aRefused: bob\\u2028\\u001b[2J');
  expect(trial.lines[1]!.length).toBeLessThan(600);
});
