import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterTest } from './cleanup.js';
import { Watched } from './watched.js';

/** A child process, its output, and its end. */
export class Child extends Watched {
  output = '';
  exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  /** Whether it has ended and all that it has said is here: the last of it may come after its end. */
  private isComplete = false;

  constructor(readonly process: ChildProcess) {
    super();
    const append = (text: Buffer) => {
      this.output += text.toString();
      this.changed();
    };
    process.stdout?.on('data', append);
    process.stderr?.on('data', append);
    process.on('exit', (code, signal) => {
      this.exit = { code, signal };
      this.changed();
    });
    process.on('close', () => {
      this.isComplete = true;
      this.over(`The process ended (${JSON.stringify(this.exit)}):\n${this.output}\n`);
    });
  }

  /** Resolves once the output contains `text`; rejects if the process ends before. */
  untilOutput(text: string): Promise<void> {
    return this.until(() => this.output.includes(text));
  }

  /** Resolves once it has ended, and everything that it has said is in `output`. */
  async untilExit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    await this.until(() => this.isComplete);
    return this.exit!;
  }

  async kill(): Promise<void> {
    if (this.exit) return;
    this.process.kill('SIGKILL');
    // Its own children may still hold its output open.
    await this.until(() => this.exit !== undefined);
  }
}

/** Starts a process that is killed after the test. */
export function start(...process: Parameters<typeof launch>): Child {
  const child = launch(...process);
  afterTest(() => child.kill());
  return child;
}

/** Starts a process that whoever starts it has to kill. */
export function launch(command: string, args: readonly string[], options: SpawnOptions = {}): Child {
  return new Child(spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options }));
}

/** What a command says that has to succeed, in the folder `cwd`. Some need the npm registry. */
export async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const child = start(command, args, { cwd, env: { ...process.env, NODE_OPTIONS: '' } });
  const { code } = await child.untilExit();
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${child.output}`);
  return child.output;
}

/** Where Debian keeps programs that are not on everyone's path. */
export function programPath(name: string): string {
  const path = ['/usr/sbin', '/usr/bin', '/usr/local/bin']
    .map((folder) => `${folder}/${name}`)
    .find(existsSync);
  if (!path)
    throw new Error(`${name} is missing: install it with your package manager (apt-get install ${name}).`);
  return path;
}
