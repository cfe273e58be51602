import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The built reference application in a process of its own, so that it can be killed. */
export class DeskProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** @param port 0 for a free one */
  static async start(port = 0): Promise<DeskProcess> {
    const { child, output } = run(port);
    const exit = once(child, 'exit').then(() => undefined);
    const announced = once(child.stdout, 'data').then(([line]) => /:(\d+)\s/.exec(String(line))?.[1]);
    const bound = await Promise.race([announced, exit]);
    if (!bound) throw new Error(`The application did not start (npm run build comes first): ${output()}`);
    return new DeskProcess(child, Number(bound));
  }

  /** How it ends if `port` is of no use to it. */
  static async fail(port: number | string): Promise<{ code: number; output: string }> {
    const { child, output } = run(port);
    const [code] = (await once(child, 'close')) as [number];
    return { code, output: output() };
  }

  /** `SIGKILL` is like a crash: nobody is told. `SIGTERM` is how a deploy stops a process. Idempotent. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill(signal);
    await exit;
  }

  /** Starts it again on the same port. */
  restart(): Promise<DeskProcess> {
    return DeskProcess.start(this.port);
  }
}

function run(port: number | string) {
  const env = { ...process.env, NODE_OPTIONS: '', HOST: '127.0.0.1', PORT: String(port) };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}
