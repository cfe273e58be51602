import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { withNode } from './nodes.mjs';
import { run } from './run.mjs';

/** What goes with Nest 11. Packages that are not named here have the same version for both. */
const nest11 = {
  '@nestjs/apollo': '^13.0.0',
  '@nestjs/cli': '^11.0.0',
  '@nestjs/config': '^4.0.0',
  '@nestjs/graphql': '^13.0.0',
  '@nestjs/jwt': '^11.0.0',
  '@nestjs/swagger': '^11.0.0',
  '@nestjs/terminus': '^11.0.0',
};
const newest = /^@nestjs\/(?:common|core|testing|websockets|platform-.*)$/;

/** Pages in browsers, and clients of other authors: no version of Node or Nest makes a difference to them. `npm test` runs them. */
const elsewhere = [
  'ai-browser',
  'app-(page|wall)',
  'board',
  'client-(angular|browser|bundlers|component|react|vue)',
  'dashboard-(accessible|desk|page)',
  'neighbours-clients',
]
  .map((name) => `test/${name}`)
  .join('|');

/** The workspace with Nest 11 in it, as git has it and with the packages as they are built: those that users get. */
function workspace() {
  const folder = mkdtempSync(join(tmpdir(), 'push-nest11-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const files = execFileSync('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
  ]);
  for (const file of String(files).split('\0').filter(isPresent)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
  for (const name of ['push', 'push-client'])
    cpSync(`libs/${name}/dist`, join(folder, 'libs', name, 'dist'), { recursive: true });
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const name of Object.keys(manifest.devDependencies)) {
    const version = newest.test(name) ? '^11.2.0' : nest11[name];
    if (version) manifest.devDependencies[name] = version;
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  // The versions that it has pinned are those of Nest 12.
  rmSync(join(folder, 'package-lock.json'));
  return folder;
}

function isPresent(file) {
  try {
    return file !== '' && readFileSync(file) !== undefined;
  } catch {
    return false;
  }
}

/** The unit and end-to-end tests on Node 24 with Nest 11. */
export function suites(options) {
  const cwd = workspace();
  const env = withNode(24);
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], { cwd, env });
  run('npx', ['nest', 'build'], { cwd, env });
  run('npm', ['run', 'test:unit', '--silent', '--', ...options], { cwd, env });
  const ignored = ['--testPathIgnorePatterns', elsewhere];
  run('npm', ['run', 'test:e2e', '--silent', '--', ...(options.length > 0 ? options : ignored)], {
    cwd,
    env,
  });
}
