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
    private readonly args: readonly string[],
    private readonly env: Record<string, string>,
  ) {}

  get pid(): number {
    return this.child.process.pid!;
  }

  get url(): string {
    return `${this.args.includes('--h2') ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** @param port 0 for a free one */
  static start(port = 0, ...args: string[]): Promise<DeskProcess> {
    return DeskProcess.startWith({}, port, args);
  }

  /** @param env environment variables beside the usual ones */
  static async startWith(
    env: Record<string, string>,
    port = 0,
    args: readonly string[] = [],
  ): Promise<DeskProcess> {
    if (!existsSync(main)) throw new Error('dist/main.js is missing: npm run build comes first.');
    const child = run(port, args, env);
    await child.untilOutput('The live desk is at ');
    const bound = Number(/The live desk is at \S+:(\d+)/.exec(child.output)?.[1]);
    return new DeskProcess(child, bound, args, env);
  }

  /** Posts JSON to one of its routes. */
  post(path: string, body: unknown): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${this.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** What it has printed, once that has `text` in it. */
  async printed(text: string): Promise<string> {
    await this.child.untilOutput(text);
    return this.child.output;
  }

  /** How it ends if `port` is of no use to it. */
  static async fail(
    port: number | string,
    ...args: string[]
  ): Promise<{ code: number | null; output: string }> {
    const child = run(port, args);
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
    return DeskProcess.startWith(this.env, this.port, this.args);
  }
}

function run(port: number | string, args: readonly string[], more: Record<string, string> = {}): Child {
  const env = { ...process.env, ...more, NODE_OPTIONS: '', HOST: '127.0.0.1', PORT: String(port) };
  return new Child(spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
}
