import { parseArgs } from 'node:util';
import { compareBackplanes } from './backplanes/backplanes.js';
import { comparisonTable } from './backplanes/comparison.js';
import { compareCrowds } from './crowd/compare.js';
import { peerNamed } from './peers.js';
import { verdicts, verdictTable } from './report/claims.js';
import { machine } from './report/machine.js';
import { writePage } from './report/page.js';
import type { Result } from './report/result.js';
import { save, table, titleOf, withEarlier } from './report/results.js';
import { compareRuns } from './runs/runs.js';
import type { Scenario } from './scenario.js';
import { scenarios } from './scenarios/all.js';

/** Measured only when asked for: they need redis-server, the first one nats-server and PostgreSQL too, and the last one Linux. */
const backplanes = 'backplanes';
const runs = 'runs';
const crowd = 'crowd';

const extras = [backplanes, runs, crowd];

const usage = `npm run bench -- [--quick] [--page] [--peer NAME]… [SCENARIO]…

--quick  short, and the main scenarios and peers only
--page   write libs/push/docs/benchmark.md from the latest results of whole scenarios; with --no-run, from earlier ones
--peer   with backplanes: redis, nats, postgres
--clients  with crowd: how many, 100,000 unless it is said
scenarios: ${scenarios.map(({ name }) => name).join(', ')}, ${extras.join(', ')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    quick: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    run: { type: 'boolean', default: true },
    peer: { type: 'string', multiple: true },
    clients: { type: 'string', default: '100000' },
    help: { type: 'boolean', default: false },
  },
});

/** A scenario, and whom it is measured for. */
interface Plan {
  readonly scenario: Scenario;
  readonly peers: readonly string[];
}

function planOf(scenario: Scenario): Plan {
  const named = values.peer;
  if (named) return { scenario, peers: scenario.peers.filter((name) => named.includes(name)) };
  return { scenario, peers: values.quick ? scenario.quickPeers : scenario.peers };
}

/** Measures everything that is planned, and says how far it is. @param keep gets what there is after each scenario */
async function measure(
  plans: readonly Plan[],
  keep: (results: readonly Result[]) => void,
): Promise<Result[]> {
  const scale = values.quick ? { trial: 300, run: 700 } : { trial: 700, run: 3_000 };
  const total = plans.reduce((sum, { peers }) => sum + peers.length, 0);
  const results: Result[] = [];
  let count = 0;
  for (const { scenario, peers } of plans) {
    const rows = [];
    for (const peer of peers) {
      process.stderr.write(`[${++count}/${total}] ${scenario.title} · ${titleOf(peer)} … `);
      const start = performance.now();
      try {
        rows.push({ peer, figures: await scenario.measure(peerNamed(peer), scale) });
        process.stderr.write(`${((performance.now() - start) / 1_000).toFixed(1)} s\n`);
      } catch (error) {
        // The others are measured all the same.
        process.stderr.write(`failed: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    }
    const { name, title, columns } = scenario;
    const result = { name, title, machine: machine(), columns, rows };
    process.stdout.write(`\n${table(result)}\n`);
    results.push(result);
    keep(results);
  }
  return results;
}

async function main(): Promise<void> {
  const unknown = positionals.filter(
    (name) => !extras.includes(name) && scenarios.every((scenario) => scenario.name !== name),
  );
  if (values.help || unknown.length > 0) {
    process.stdout.write(usage);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const chosen =
    positionals.length > 0 ? scenarios.filter(({ name }) => positionals.includes(name)) : scenarios;
  const plans = values.run ? chosen.map(planOf).filter(({ peers }) => peers.length > 0) : [];
  // Profiles cost time, and a choice of peers is no whole scenario.
  const isPartial = values.peer !== undefined || process.env.BENCH_PROFILE !== undefined;
  const kind = isPartial ? 'partial' : values.quick ? 'quick' : 'full';
  const order = scenarios.map(({ name }) => name);
  const withOthers = (own: readonly Result[]) => (isPartial ? own : withEarlier(kind, own, order));
  // A run that is stopped has not measured in vain.
  const results = await measure(plans, (own) => save(kind, withOthers(own)));
  if (positionals.includes(backplanes))
    process.stdout.write(
      `\n${comparisonTable('Backplanes', await compareBackplanes(values.quick ? 1_000 : 3_000, values.peer))}\n`,
    );
  if (positionals.includes(runs)) process.stdout.write(`\n${comparisonTable('Runs', await compareRuns())}\n`);
  if (positionals.includes(crowd))
    process.stdout.write(`\n${comparisonTable('Crowd', await compareCrowds(Number(values.clients)))}\n`);
  if (results.length === 0 && !values.page) return;
  const all = withOthers(results);
  process.stdout.write(`${verdictTable(verdicts(values.run ? results : all))}\n`);
  process.stderr.write(`Saved in ${save(kind, all)}\n`);
  if (values.page && kind === 'full') process.stderr.write(`Written: ${writePage(all)}\n`);
}

await main();
