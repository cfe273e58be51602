import { start, type Child } from './processes.js';
import type { EndedSpan } from './traced.js';

/** A node of `traced-node.mjs`, with the official instrumentation of HTTP. */
export class TracedProcess {
  private constructor(
    readonly child: Child,
    readonly port: number,
  ) {}

  static async start(options: object): Promise<TracedProcess> {
    const setup = ['--import', './test/support/traced-setup.mjs', 'test/support/traced-node.mjs'];
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = start(process.execPath, [...setup, JSON.stringify(options)], { env });
    await child.untilOutput('port ');
    return new TracedProcess(child, Number(/port (\d+)/.exec(child.output)![1]));
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** The spans that have ended here. */
  get ended(): EndedSpan[] {
    return [...this.child.output.matchAll(/^span (.+)\n/gm)].map(
      ([, json]) => JSON.parse(json!) as EndedSpan,
    );
  }

  of(name: string): EndedSpan[] {
    return this.ended.filter((span) => span.name === name);
  }

  /** The newest span of this name, once there are `count`. */
  async span(name: string, count = 1): Promise<EndedSpan> {
    await this.child.until(() => this.of(name).length >= count);
    return this.of(name).at(-1)!;
  }

  /** What the SDK has complained about. */
  get complaints(): string[] {
    return [...this.child.output.matchAll(/^diag (.+)\n/gm)].map(([, text]) => text!);
  }
}
