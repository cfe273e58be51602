import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Child } from './processes.js';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The built reference application in a process of its own, so that it can be stopped and killed. */
export class DeskProcess {
  private constructor(
    private readonly child: Child,
    readonly port: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** @param port 0 for a free one */
  static async start(port = 0): Promise<DeskProcess> {
    if (!existsSync(main)) throw new Error('dist/main.js is missing: npm run build comes first.');
    const child = run(port);
    await child.untilOutput('The live desk is at ');
    return new DeskProcess(child, Number(/The live desk is at \S+:(\d+)/.exec(child.output)?.[1]));
  }

  /** How it ends if `port` is of no use to it. */
  static async fail(port: number | string): Promise<{ code: number | null; output: string }> {
    const child = run(port);
    const { code } = await child.untilExit();
    return { code, output: child.output };
  }

  /** `SIGKILL` is like a crash: nobody is told. `SIGTERM` is how a deploy stops a process. Idempotent. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.child.process.kill(signal);
    await this.child.untilExit();
  }

  /** Starts it again on the same port. */
  restart(): Promise<DeskProcess> {
    return DeskProcess.start(this.port);
  }
}

function run(port: number | string): Child {
  const env = { ...process.env, NODE_OPTIONS: '', HOST: '127.0.0.1', PORT: String(port) };
  return new Child(spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
}
