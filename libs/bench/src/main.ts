import { parseArgs } from 'node:util';
import { compareBackplanes, comparisonTable } from './backplanes/backplanes.js';
import { machine } from './report/machine.js';
import type { Result } from './report/result.js';
import { resultOf, save, table, titleOf } from './report/results.js';
import { peerNamed } from './peers.js';
import type { Scenario } from './scenario.js';
import { scenarios } from './scenarios/all.js';

/** Measured only when asked for: it needs redis-server and nats-server. */
const backplanes = 'backplanes';

const usage = `npm run bench -- [--quick] [--peer NAME]… [SCENARIO]…

scenarios: ${scenarios.map(({ name }) => name).join(', ')}, ${backplanes}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    peer: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
});

async function run(scenario: Scenario): Promise<Result> {
  const scale = values.quick ? { trial: 300, run: 700 } : { trial: 700, run: 3_000 };
  const standard = values.quick ? scenario.quickPeers : scenario.peers;
  const names = values.peer ? scenario.peers.filter((name) => values.peer!.includes(name)) : standard;
  const rows = [];
  for (const peer of names) {
    process.stderr.write(`${scenario.title} … ${titleOf(peer)}\n`);
    const start = performance.now();
    rows.push({ peer, figures: await scenario.measure(peerNamed(peer), scale) });
    process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  }
  return resultOf(scenario, rows);
}

async function main(): Promise<void> {
  const unknown = positionals.filter(
    (name) => name !== backplanes && scenarios.every((scenario) => scenario.name !== name),
  );
  if (values.help || unknown.length > 0) {
    process.stdout.write(usage);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const chosen =
    positionals.length > 0 ? scenarios.filter(({ name }) => positionals.includes(name)) : scenarios;
  const results: Result[] = [];
  for (const scenario of chosen) {
    const result = await run(scenario);
    if (result.rows.length === 0) continue;
    results.push(result);
    process.stdout.write(`\n${table(result)}\n`);
  }
  if (positionals.includes(backplanes))
    process.stdout.write(`\n${comparisonTable(await compareBackplanes(values.quick ? 1_000 : 3_000))}\n`);
  if (results.length > 0) process.stderr.write(`Saved in ${save(machine(), results)}\n`);
}

await main();
