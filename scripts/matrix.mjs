/*
 * What `npm test` does not run on: `npm run test:matrix` runs the unit and end-to-end tests on Node 24 with Nest 11, and the packed
 * packages in newly generated applications on Node 22 and 26. It uses the packages as they are built, and tries a release without its end. A part of it:
 * `npm run test:matrix -- suites [options of jest]`, `npm run test:matrix -- apps`, `npm run test:matrix -- apps next`.
 */
import { apps } from './matrix/apps.mjs';
import { run } from './matrix/run.mjs';
import { suites } from './matrix/suites.mjs';

const [part, ...options] = process.argv.slice(2);
const release = () => run('node', ['scripts/release.mjs', '999.0.0', '--dry-run']);
const parts = { release, apps: () => apps(options), suites: () => suites(options) };

if (part !== undefined && !(part in parts)) {
  console.error(`There is no part ${part}: name ${Object.keys(parts).join(' or ')}, or none.`);
  process.exit(2);
}
for (const name of part ? [part] : Object.keys(parts)) {
  const start = performance.now();
  await parts[name]();
  console.log(`\n${name}: good, after ${Math.round((performance.now() - start) / 1000)} s`);
}
