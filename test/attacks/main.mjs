/*
 * Plays what a hostile client may do within every limit, against an application in a process of its own, beside a witness
 * that gets a hundred events a second over WebSocket and SSE:
 *
 *   npm run attacks -- [--json] [--limits=default|wide] [name…]
 *
 * Each is played with the default limits, and with 256 inner wildcards: the limit is a second wall, and the first has to
 * hold without it. It ends with 1 if the witness missed an event, if the event loop was held for more than 50 ms, or if
 * what an attack looks at itself is wrong. Run it on a machine that has nothing else to do.
 */
import { attacks } from './all.mjs';
import { play } from './play.mjs';
import { lineOf, printHead } from './table.mjs';

const args = process.argv.slice(2);
const isJson = args.includes('--json');
const wanted = args.filter((arg) => !arg.startsWith('--'));
const only = args.find((arg) => arg.startsWith('--limits='))?.split('=')[1];
const settings = { default: {}, wide: { limits: { innerWildcards: 256 } } };
const names = Object.keys(settings).filter((name) => !only || name === only);
const chosen = attacks.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0 || chosen.length === 0) {
  console.error(
    `There are the attacks ${attacks.map(({ name }) => name).join(', ')}, and the limits default and wide.`,
  );
  process.exit(2);
}

if (!isJson) printHead();
const results = [];
for (const attack of chosen) {
  for (const limits of names) {
    const result = { limits, ...(await play(attack, settings[limits])) };
    results.push(result);
    if (!isJson) console.log(lineOf(result));
  }
}
if (isJson) console.log(JSON.stringify(results, undefined, 2));
process.exitCode = results.some(({ faults }) => faults.length > 0) ? 1 : 0;
