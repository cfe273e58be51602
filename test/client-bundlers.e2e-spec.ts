import { Controller, Get, Header } from '@nestjs/common';
import { resolve as resolveForMetro } from 'metro-resolver';
import { PushModule } from 'nestjs-push';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundle, bundlers, type Bundle } from './support/bundlers.js';
import { launchChromium, record } from './support/chromium.js';
import { afterTest } from './support/cleanup.js';
import { startApp, type RunningApp } from './support/start-app.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<
    Record<string, { readonly default: string; readonly require: { readonly default: string } }>
  >;
}

const root = realpathSync('node_modules/nestjs-push-client');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** Every entry that is built, by the name that applications import. */
const entries = Object.entries(manifest.exports)
  .filter(([name, { default: file }]) => name !== './package.json' && existsSync(join(root, file)))
  .map(([name]) => name.replace('.', manifest.name));

/** An application that imports everything of every entry, and reads a topic. */
const everything = `
${entries.map((name, index) => `import * as entry${index} from '${name}';`).join('\n')}
const entries = [${entries.map((_, index) => `entry${index}`).join(', ')}];
document.title = entries.map((entry) => Object.keys(entry).length > 0).join(' ');
entry0.connect('/push').on('news', (text) => document.body.append(text), { from: 'last' });
`;

const core = "import { connectWith } from 'nestjs-push-client/core'; window.connectWith = connectWith;";

/** A page with the script, on a server that has published a text. */
async function serve(script: string): Promise<RunningApp> {
  @Controller()
  class SiteController {
    @Get()
    @Header('content-type', 'text/html')
    page(): string {
      return '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/main.js"></script>';
    }

    @Get('main.js')
    @Header('content-type', 'text/javascript')
    script(): string {
      return script;
    }
  }
  const topics = [{ pattern: '>', access: 'public' as const }];
  const app = await startApp('express', {
    controllers: [SiteController],
    imports: [PushModule.forRoot({ topics })],
  });
  await app.bus.publish('news', 'Good news.');
  return app;
}

const sizes = new Map<string, number>();

it.each(bundlers)(
  '%s takes every entry without a warning, works in a browser, and leaves out what is not used',
  async (bundler) => {
    const [all, least] = (await bundle(bundler, [everything, core])) as [Bundle, Bundle];
    expect([...all.warnings, ...least.warnings]).toEqual([]);
    const unused = ['retry-after', 'BroadcastChannel', 'navigator.locks', 'messageId'];
    expect(unused.filter((word) => least.code.includes(word))).toEqual([]);
    expect(unused.filter((word) => !all.code.includes(word))).toEqual([]);
    sizes.set(bundler, gzipSync(least.code, { level: 9 }).length);
    await works(all.code);
  },
  // All of Angular is minified.
  240_000,
);

it('All bundlers make nearly as little of it', () => {
  expect([...sizes.keys()]).toEqual([...bundlers]);
  for (const size of sizes.values()) expect(size).toBeLessThan(1.1 * sizes.get('esbuild')!);
});

/** Loads the script in a browser. */
async function works(script: string): Promise<void> {
  const app = await serve(script);
  const browser = await launchChromium();
  afterTest(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(100_000);
  const { errors } = record(page);
  await page.goto(app.url('/'));
  await page.getByText('Good news.').waitFor();
  expect(await page.title()).toBe(entries.map(() => 'true').join(' '));
  expect(errors).toEqual([]);
  await page.close();
}

/** Metro, as React Native configures it. */
function metro(isESMImport: boolean): Parameters<typeof resolveForMetro>[0] {
  const packageAt = (path: string) =>
    existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest) : null;
  return {
    allowHaste: false,
    assetExts: new Set(['png']),
    customResolverOptions: {},
    dev: false,
    disableHierarchicalLookup: false,
    doesFileExist: existsSync,
    extraNodeModules: null,
    fileSystemLookup: (path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat) return { exists: false };
      return { exists: true, type: stat.isDirectory() ? 'd' : 'f', realPath: realpathSync(path) };
    },
    getPackage: packageAt,
    getPackageForModule: (path) => {
      for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
        const packageJson = packageAt(join(folder, 'package.json'));
        if (packageJson?.name)
          return { rootPath: folder, packageJson, packageRelativePath: path.slice(folder.length + 1) };
      }
      return null;
    },
    isESMImport,
    mainFields: ['react-native', 'browser', 'main'],
    nodeModulesPaths: [],
    originModulePath: resolve('app.js'),
    preferNativePlatform: true,
    redirectModulePath: (path) => path,
    resolveAsset: () => null,
    resolveHasteModule: () => null,
    resolveHastePackage: () => null,
    sourceExts: ['js', 'jsx', 'json', 'ts', 'tsx'],
    unstable_conditionNames: ['react-native'],
    unstable_conditionsByPlatform: { web: ['browser'] },
    unstable_enablePackageExports: true,
    unstable_incrementalResolution: false,
    unstable_logWarning: (message) => {
      throw new Error(message);
    },
  };
}

it.each(entries)('Metro finds %s, as an ES module and as CommonJS', (name) => {
  const own = manifest.exports[name.replace(manifest.name, '.')]!;
  for (const platform of ['ios', 'android', 'web']) {
    for (const [isESMImport, file] of [
      [true, own.default],
      [false, own.require.default],
    ] as const) {
      const resolution = resolveForMetro(metro(isESMImport), name, platform);
      expect(resolution).toMatchObject({ type: 'sourceFile' });
      expect(realpathSync((resolution as { filePath: string }).filePath)).toBe(join(root, file));
    }
  }
});
