import type { Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { startPostgres, urlOf } from './postgres.js';
import { start, type Child } from './processes.js';
import { startNats, startRedis, type ServerProcess } from './servers.js';

/** A backplane that an outbox is tried on. */
export interface OutboxKind {
  readonly kind: 'Redis' | 'NATS' | 'Postgres';
  readonly startServer: () => Promise<ServerProcess>;
  readonly backplane: (port: number, options?: object) => Backplane;
  /** The options with which it forgets message ids as soon as it can. */
  readonly forgetful: object;
}

export const outboxKinds: readonly OutboxKind[] = [
  {
    kind: 'Redis',
    startServer: () => startRedis('aof'),
    backplane: (port, options) => redisBackplane({ url: `redis://127.0.0.1:${port}`, ...options }),
    forgetful: { rememberMessageIds: 1 },
  },
  {
    kind: 'NATS',
    startServer: () => startNats(),
    backplane: (port, options) => natsBackplane({ servers: `127.0.0.1:${port}`, ...options }),
    forgetful: { rememberMessageIds: 100 },
  },
  {
    kind: 'Postgres',
    startServer: () => startPostgres(),
    backplane: (port, options) => postgresBackplane({ url: urlOf(port), ...options }),
    forgetful: { rememberMessageIds: 1 },
  },
];

/** How a process of an application with an outbox is started. */
export interface OutboxNodeSettings {
  readonly kind: OutboxKind['kind'];
  readonly port: number;
  readonly options?: object;
  readonly url: string;
  /** Milliseconds. */
  readonly lease: number;
}

let asked = 0;

/** A process of an application with an outbox. */
export class OutboxProcess {
  private constructor(readonly child: Child) {}

  static async start(settings: OutboxNodeSettings): Promise<OutboxProcess> {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = start(process.execPath, ['test/support/outbox-node.mjs', JSON.stringify(settings)], {
      env,
    });
    await child.untilOutput('ready\n');
    return new OutboxProcess(child);
  }

  async isRelay(): Promise<boolean> {
    const n = ++asked;
    this.tell({ ask: n });
    await this.child.untilOutput(`relay ${n} `);
    return this.child.output.includes(`relay ${n} true`);
  }

  /** It stops itself when its relay comes to a step. */
  stopAt(step: string, signal: 'SIGKILL' | 'SIGSTOP', count = 1): Promise<void> {
    const from = this.child.output.length;
    this.tell({ stop: step, signal, count });
    return this.child.until(() => this.child.output.includes(`at ${step}\n`, from));
  }

  close(): void {
    this.tell({ close: true });
  }

  resume(): void {
    this.child.process.kill('SIGCONT');
  }

  private tell(command: object): void {
    this.child.process.stdin!.write(`${JSON.stringify(command)}\n`);
  }
}
