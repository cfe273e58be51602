import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Remote } from '../remote.js';
import { LogServer, type Kind } from './server.js';

interface Process {
  readonly child: ChildProcess;
  readonly remote: Remote;
}

/** Processes and a server for one measurement. */
export class Trial {
  private readonly processes: Process[] = [];

  private constructor(
    readonly kind: Kind,
    private readonly server: LogServer,
  ) {}

  static async run<T>(kind: Kind, measure: (trial: Trial) => Promise<T>): Promise<T> {
    const trial = new Trial(kind, await LogServer.start(kind));
    try {
      return await measure(trial);
    } finally {
      for (const { child } of trial.processes) {
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
      }
      await trial.server.end();
    }
  }

  fork(file: './node.js' | './reader.js' | './outbox-node.js'): Process {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)));
    const process = { child, remote: new Remote(child, () => undefined) };
    this.processes.push(process);
    return process;
  }

  get target(): { kind: Kind; port: number } {
    return { kind: this.kind, port: this.server.port };
  }

  /** A node of an application, and its port. */
  async node(options: { state?: boolean } = {}): Promise<Process & { port: number }> {
    const process = this.fork('./node.js');
    return { ...process, port: await process.remote.call<number>('start', { ...this.target, ...options }) };
  }

  async raw(): Promise<Process> {
    const process = this.fork('./node.js');
    await process.remote.call('startRaw', this.target);
    return process;
  }
}
