import { spawnSync } from 'node:child_process';

/** Runs a command to its end, with its output where ours is. What fails ends the whole script with its exit code. */
export function run(command, args, options = {}) {
  console.log(`\n> ${[command, ...args].join(' ')}${options.cwd ? `   (in ${options.cwd})` : ''}`);
  const shell = process.platform === 'win32';
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', shell, ...options });
  if (status === 0) return;
  console.error(`${command} failed${error ? `: ${error.message}` : ` with ${status}`}`);
  process.exit(status || 1);
}
