import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { postgresCommand } from './postgres-server.js';

/** In the order in which they are measured. */
export const kinds = ['redis', 'nats', 'postgres'] as const;

export type Kind = (typeof kinds)[number];

/** A Redis, NATS or PostgreSQL server of this run's own, on a free port of the loopback interface. */
export class LogServer {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  static async start(kind: Kind): Promise<LogServer> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'push-bench-'));
    const [program, ...args] = {
      redis: () => [
        'redis-server',
        '--port',
        `${port}`,
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--save',
        '',
      ],
      nats: () => [
        'nats-server',
        '--port',
        `${port}`,
        '--addr',
        '127.0.0.1',
        '-js',
        '--store_dir',
        directory,
      ],
      postgres: () => postgresCommand(port, directory),
    }[kind]();
    const child = spawn(program!, args, { stdio: 'ignore' });
    const failure = once(child, 'error').then(([error]) => {
      throw new Error(`${program} is needed for this benchmark: ${(error as Error).message}`);
    });
    await Promise.race([failure, isListening(port)]);
    return new LogServer(port, child, directory);
  }

  async end(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function isListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await delay(20);
  }
}
