/*
 * What a change needs, in seconds: `npm run try -- <file of a source or of a test, or a part of a test's name> [options of
 * jest]`. A source has every unit test run that imports it; a test is run by itself, with the packages built where it
 * uses them. `npm run try` alone takes the files that git says have changed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { relative, resolve } from 'node:path';

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('-'));
const named = args.filter((arg) => !arg.startsWith('-'));

function run(command, ...rest) {
  const env = { ...process.env, NODE_OPTIONS: '--experimental-vm-modules' };
  const { status } = spawnSync(command, rest, { stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}

/** Also those that git does not know yet. */
function changed() {
  const git = (...rest) => spawnSync('git', rest, { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
  const files = [
    ...git('diff', '--name-only', '--diff-filter=d', 'HEAD'),
    ...git('ls-files', '--others', '--exclude-standard'),
  ];
  return files.filter((file) => /^(libs|test)\/.*\.ts$/.test(file));
}

/** The project of jest by the suffix of a spec. */
const projects = {
  'e2e-spec.ts': 'e2e',
  'fault-spec.ts': 'faults',
  'load-spec.ts': 'load',
  'spec.ts': 'unit',
};

function projectOf(spec) {
  return projects[Object.keys(projects).find((suffix) => spec.endsWith(`.${suffix}`))];
}

const files = (named.length > 0 ? named : changed()).flatMap((name) => {
  if (existsSync(name)) return [relative('.', resolve(name))];
  return readdirSync('test')
    .filter((file) => file.includes(name) && projectOf(file))
    .map((file) => `test/${file}`);
});
if (files.length === 0) {
  console.error('Nothing to try: name a source, a test or a part of a test’s name, or change one.');
  process.exit(2);
}

const specs = files.filter((file) => projectOf(file) !== undefined);
const sources = files.filter((file) => projectOf(file) === undefined && file.startsWith('libs/'));
const jest = (project, ...rest) => run('npx', 'jest', `--selectProjects=${project}`, ...options, ...rest);

if (sources.length > 0) jest('unit', '--passWithNoTests', '--findRelatedTests', ...sources);
const unit = specs.filter((spec) => projectOf(spec) === 'unit');
if (unit.length > 0) jest('unit', '--runTestsByPath', ...unit);
const slow = specs.filter((spec) => projectOf(spec) !== 'unit');
if (slow.length > 0) run('npm', 'run', 'build:libs', '--silent');
for (const project of new Set(slow.map(projectOf)))
  jest(project, '--forceExit', '--runTestsByPath', ...slow.filter((spec) => projectOf(spec) === project));
