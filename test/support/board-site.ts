import { Logger, type INestApplication } from '@nestjs/common';
import type { PushOptions } from 'nestjs-push';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { BoardTab } from './board-tab.js';
import { afterTest } from './cleanup.js';
import { launch } from './processes.js';
import { RunningApp } from './start-app.js';
import { TcpProxy } from './tcp-proxy.js';

export const frameworks = ['react', 'vue', 'angular'] as const;
type Framework = (typeof frameworks)[number];

/** What the tests of the board set of its server. */
export interface BoardOptions {
  /** In seconds. */
  readonly tokenLife?: number;
  readonly push?: PushOptions;
}

/** A page of `examples/board`, as Vite builds it. */
export class BuiltPage {
  private constructor(readonly folder: string) {}

  static async build(framework: Framework): Promise<BuiltPage> {
    const folder = await mkdtemp(join(tmpdir(), `push-board-${framework}-`));
    const vite = resolve('node_modules/vite/bin/vite.js');
    const args = ['build', resolve('examples/board', framework), '--outDir', folder, '--emptyOutDir'];
    const child = launch(process.execPath, [vite, ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
    const { code } = await child.untilExit();
    if (code !== 0) throw new Error(`Vite has failed:\n${child.output}`);
    return new BuiltPage(folder);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** The server of the board, with a network before it that can be cut. */
export class BoardSite {
  private constructor(
    private readonly page: BuiltPage,
    /** The server that is there now. */
    public app: RunningApp,
    readonly network: TcpProxy,
  ) {}

  /** It is closed after the test. */
  static async start(page: BuiltPage, options: BoardOptions = {}): Promise<BoardSite> {
    const app = await startServer(page, options);
    const network = await TcpProxy.start(app.port);
    afterTest(() => network.dispose());
    return new BoardSite(page, app, network);
  }

  open(context: BrowserContext, user: string): Promise<BoardTab> {
    return BoardTab.open(context, `http://127.0.0.1:${this.network.port}/?user=${user}`);
  }

  /** Says things in the name of a user. */
  async say(author: string, ...texts: string[]): Promise<void> {
    for (const text of texts) await this.app.bus.publish('boards.demo.feed', { author, text, at: 0 });
  }

  /** Shuts the server down and starts it anew: its log is another one. `prepare` runs before any page can reach it. */
  async restart(prepare: () => Promise<void>): Promise<void> {
    this.network.refuse();
    await this.app.close();
    this.app = await startServer(this.page);
    await prepare();
    this.network.pointTo(this.app.port);
    this.network.heal();
  }
}

/** The example is compiled on its own, since it declares topics of its own: so its types are not known here. */
async function startServer({ folder }: BuiltPage, options: BoardOptions = {}): Promise<RunningApp> {
  const load = (file: string) =>
    import(`../../examples/board/server/${file}.js`) as Promise<{
      createApp(page: string, options: BoardOptions): Promise<INestApplication>;
    }>;
  Logger.overrideLogger(false);
  const { createApp } = await load('app');
  const app = new RunningApp(await createApp(folder, { ...options, push: { retry: 100, ...options.push } }));
  afterTest(() => app.close());
  await app.nest.listen(0, '127.0.0.1');
  return app;
}
