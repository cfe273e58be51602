import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterTest } from './cleanup.js';
import { onFreePort } from './free-port.js';
import { programPath, start } from './processes.js';
import { eventually } from './watched.js';

/** Starts HAProxy in front of `port`, with compression on for everything that it may compress. */
export function startHaproxy(port: number): Promise<number> {
  return onFreePort((listen) => startOn(listen, port));
}

async function startOn(listen: number, port: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'push-haproxy-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'haproxy.cfg');
  await writeFile(
    file,
    [
      'defaults',
      'mode http',
      'timeout connect 60s',
      'timeout client 60s',
      'timeout server 60s',
      'timeout tunnel 60s',
      'frontend clients',
      `bind 127.0.0.1:${listen}`,
      'compression algo gzip',
      'compression type text/event-stream text/plain application/json',
      'default_backend application',
      'backend application',
      `server one 127.0.0.1:${port}`,
      '',
    ].join('\n'),
  );
  const haproxy = start(programPath('haproxy'), ['-db', '-f', file]);
  await eventually(() => {
    if (haproxy.exit) throw new Error(`HAProxy has ended:\n${haproxy.output}`);
    return accepts(listen);
  });
  return listen;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
