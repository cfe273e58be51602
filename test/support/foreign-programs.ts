import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './processes.js';

const page = 'libs/push/docs/clients.md';

/** GCC's, which is half as large as Go's own and brings a `go` too; and that. */
const goCommands = ['/usr/bin/go-12', '/usr/bin/go-13', '/usr/bin/go-14', '/usr/bin/go'];

/** How each library's source is made, as the page's table says. */
const tableRow = /^\| `?([^`|]+?)`?\s+\| `(new .+?)`\s+\|$/gm;

/** The programs of the page about clients, each as a file, and compiled. */
export class ForeignPrograms {
  private readonly compiled = new Map<string, Promise<string>>();

  private constructor(
    readonly folder: string,
    /** Expressions that make a source of `url`, by library. */
    readonly sources: ReadonlyMap<string, string>,
  ) {}

  /** Whoever unpacks them has to remove them. */
  static async unpack(): Promise<ForeignPrograms> {
    const folder = await mkdtemp(join(tmpdir(), 'push-clients-'));
    const text = await readFile(page, 'utf8');
    const snippets = text.matchAll(/^```(?:js|python|go)\n(?:\/\/|#) (\S+)\n([\s\S]*?)^```/gm);
    for (const [, name, code] of snippets) await writeFile(join(folder, name!), code!);
    const sources = new Map(Array.from(text.matchAll(tableRow), ([, name, code]) => [name!, code!]));
    return new ForeignPrograms(folder, sources);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** One script of `code`, which may import the page's snippets and packages. */
  async bundle(code: string, platform: 'node' | 'browser'): Promise<string> {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: this.folder, loader: 'js' },
      bundle: true,
      write: false,
      platform,
      format: platform === 'node' ? 'cjs' : 'iife',
      nodePaths: [resolve('node_modules')],
      logLevel: 'error',
    });
    return outputFiles[0]!.text;
  }

  /** The path of the program that is made of `name`, a file of Go; it is made once. */
  go(name: string): Promise<string> {
    if (!this.compiled.has(name)) this.compiled.set(name, this.compileGo(name));
    return this.compiled.get(name)!;
  }

  private async compileGo(name: string): Promise<string> {
    const command = goCommands.find(existsSync);
    if (!command) throw new Error(`Go is missing: ${goCommands.join(' or ')} (apt-get install gccgo).`);
    const program = this.path(name.replace(/\.go$/, ''));
    const settings = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: this.path('cache') };
    const assignments = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    await run(this.folder, 'env', ...assignments, command, 'build', '-o', program, this.path(name));
    return program;
  }
}
