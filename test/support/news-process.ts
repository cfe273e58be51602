import { launch, start, type Child } from './processes.js';

/** What news-server.mjs takes. */
export interface NewsOptions {
  readonly platform?: 'express' | 'fastify' | 'h2';
  /** Options of the module, as far as they are JSON. */
  readonly push?: object;
  readonly secret?: string;
  /** Has @nestjs/throttler count the requests of each address. */
  readonly requestsPerMinute?: number;
  /** For `h2`: HTTP/2 with TLS, and HTTP/1.1 beside it. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The port of a Redis that is the backplane. Default: memory. */
  readonly redis?: number;
  /** Where it listens. Default: a free port. */
  readonly port?: number;
  /** Whether signals end it (`enableShutdownHooks`). Default: yes. */
  readonly signals?: boolean;
}

/** An application in a process of its own: see news-server.mjs. */
export class NewsProcess {
  private answered = 0;

  private constructor(
    readonly child: Child,
    readonly port: number,
    readonly isSecure: boolean,
  ) {}

  /** It is killed after the test. */
  static start(options: NewsOptions = {}, wrapper: readonly string[] = []): Promise<NewsProcess> {
    return NewsProcess.by(start, [...wrapper, process.execPath], options);
  }

  /** For several tests: whoever starts it has to kill its `child`. */
  static launch(options: NewsOptions = {}): Promise<NewsProcess> {
    return NewsProcess.by(launch, [process.execPath, '--expose-gc'], options);
  }

  private static async by(
    run: typeof start,
    [command, ...args]: readonly string[],
    options: NewsOptions,
  ): Promise<NewsProcess> {
    const child = run(command!, [...args, 'test/support/news-server.mjs', JSON.stringify(options)], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await child.untilOutput('port ');
    return new NewsProcess(child, Number(/port (\d+)/.exec(child.output)![1]), options.tls !== undefined);
  }

  /** Runs a command of the server and resolves with its answer. One at a time. */
  async ask<T = Record<string, unknown>>(command: string, options: object = {}): Promise<T> {
    const index = this.answered++;
    this.child.process.stdin!.write(`${JSON.stringify({ command, ...options })}\n`);
    const answers = () => [...this.child.output.matchAll(/^answer (.*)$/gm)];
    await this.child.until(() => {
      if (this.child.exit) throw new Error(`The server has died:\n${this.child.output}`);
      return answers().length > index;
    });
    return JSON.parse(answers()[index]![1]!) as T;
  }
}
