import { start, type Child } from './processes.js';

/** An application in a process of its own: see news-server.mjs. */
export class NewsProcess {
  private answered = 0;

  private constructor(
    readonly child: Child,
    readonly port: number,
  ) {}

  static async start(options: object = {}, wrapper: readonly string[] = []): Promise<NewsProcess> {
    const [command, ...rest] = [
      ...wrapper,
      process.execPath,
      'test/support/news-server.mjs',
      JSON.stringify(options),
    ];
    const child = start(command!, rest, { env: { ...process.env, NODE_OPTIONS: '' } });
    await child.untilOutput('port ');
    return new NewsProcess(child, Number(/port (\d+)/.exec(child.output)![1]));
  }

  /** Runs a command of the server and resolves with its answer. One at a time. */
  async ask<T = Record<string, unknown>>(command: string, options: object = {}): Promise<T> {
    const index = this.answered++;
    this.child.process.stdin!.write(`${JSON.stringify({ command, ...options })}\n`);
    const answers = () => [...this.child.output.matchAll(/^answer (.*)$/gm)];
    await this.child.until(() => answers().length > index);
    return JSON.parse(answers()[index]![1]!) as T;
  }
}
