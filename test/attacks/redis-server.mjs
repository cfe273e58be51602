import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/free-port.mjs';
import { delay } from './clients.mjs';

/** A Redis of its own, on a free port, that keeps nothing. */
export class RedisServer {
  static async start() {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'push-attacks-'));
    const args = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    let failure;
    child.on('error', (error) => (failure = error));
    for (const deadline = performance.now() + 10_000; !(await answers(port)); await delay(20))
      if (failure || child.exitCode !== null || performance.now() > deadline)
        throw new Error('redis-server does not start: install it, or leave this attack out.', {
          cause: failure,
        });
    return new RedisServer(port, child, directory);
  }

  constructor(port, child, directory) {
    this.port = port;
    this.child = child;
    this.directory = directory;
  }

  async stop() {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
    await rm(this.directory, { recursive: true, force: true });
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
