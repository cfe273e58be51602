import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterTest } from './cleanup.js';
import { onFreePort } from './free-port.js';
import { programPath, start } from './processes.js';

/** Starts the documented nginx in front of `ports`, with everything on that could hold events back. @param gzip compresses event streams too */
export function startNginx(
  ports: readonly number[],
  readTimeout = '60s',
  gzip: 'on' | 'off' = 'on',
): Promise<number> {
  return onFreePort((listen) => startOn(listen, ports, readTimeout, gzip));
}

async function startOn(
  listen: number,
  ports: readonly number[],
  readTimeout: string,
  gzip: 'on' | 'off',
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'push-nginx-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  const documented = await readFile('libs/push/docs/nginx.conf', 'utf8');
  const servers = ports.map((port) => `server 127.0.0.1:${port};`).join(' ');
  const site = documented
    .replace('server 127.0.0.1:3000;', servers)
    .replace('listen 8080', `listen 127.0.0.1:${listen}`)
    .replaceAll('proxy_read_timeout 60s', `proxy_read_timeout ${readTimeout}`);
  const config = `daemon off; pid ${folder}/nginx.pid; error_log stderr notice; worker_processes 1;
    events { worker_connections 512; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      proxy_buffering on; gzip ${gzip}; gzip_min_length 1; gzip_proxied any;
      gzip_types text/event-stream text/plain application/json;
      ${site}
    }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const nginx = start(programPath('nginx'), ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
  // Killed, it would leave its worker behind.
  afterTest(() => {
    nginx.process.kill('SIGTERM');
    return nginx.untilExit();
  });
  await nginx.untilOutput('start worker process');
  return listen;
}
