import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Footprint } from './contract.js';
import { footprintOf } from './footprint.js';

/** An nginx of one worker, on the core of this process, with which it ends. */
export interface Nginx {
  /** Of its worker. */
  footprint(): Footprint;
}

/**
 * @param modules what stands before everything else
 * @param http what stands in its block `http`; other files are found by their names
 * @param files other files, by name
 */
export function startNginx(
  http: string,
  { modules = '', files = {} }: { modules?: string; files?: Readonly<Record<string, string>> } = {},
): Nginx {
  const directory = mkdtempSync(join(tmpdir(), 'nginx-'));
  const file = join(directory, 'nginx.conf');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  writeFileSync(
    file,
    `${modules}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 19000; }
http {
  access_log off;
  keepalive_requests 1000000000;
${http}
}
`,
  );
  const nginx = spawn('nginx', ['-p', directory, '-c', file], { stdio: 'ignore' });
  process.once('exit', () => {
    nginx.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  return { footprint: () => footprintOf(childrenOf(nginx.pid!)) };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}
