import { ErrorReporter } from '../bus/error-reporter.js';
import { ApplicationClasses } from './application-classes.js';
import { Pace } from './pace.js';
import { TopicAccess } from './topic-access.js';

/** Counts what is charged. */
class Counter {
  units = 0;
  readonly delay = 0;

  spend(units: number): void {
    this.units += units;
  }
}

/** How many turns of the event loop others have while `run` runs. */
async function turnsDuring(run: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await run();
  isOver = true;
  return turns;
}

describe('the pace of what is done for a client', () => {
  it('lets others have a turn after each slice, and charges all', async () => {
    const budget = new Counter();
    const pace = new Pace(budget);
    expect(pace.after(8_191)).toBeUndefined();
    const turn = pace.after(1);
    expect(turn).toBeDefined();
    await turn;
    expect(pace.after(8_191)).toBeUndefined();
    expect(budget.units).toBe(2 * 8_192 - 1);
  });

  it('holds when 1,000 patterns of 32 tokens are compared with 500 rules', async () => {
    const rules = Array.from({ length: 500 }, (_, n) => ({ pattern: `a.${n}.>`, access: 'public' as const }));
    const classes = new ApplicationClasses(new Map() as never, undefined as never);
    const settings = { topics: rules, schemas: [], limits: { decisionTimeout: 1_000 } };
    const access = new TopicAccess(settings, classes, new ErrorReporter({}));
    const patterns = Array.from({ length: 1_000 }, (_, n) => `a.x${n}${'.b'.repeat(30)}`);
    const budget = new Counter();
    const subject = { principal: undefined, transport: 'websocket', address: '', budget } as const;
    const turns = await turnsDuring(() => access.examine(subject, patterns));
    expect(budget.units).toBe(1_000 * 32 * 500 + 1_000 * 32);
    expect(turns).toBeGreaterThan(budget.units / 32_000 - 10);
  });
});
