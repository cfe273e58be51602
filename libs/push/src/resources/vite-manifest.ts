import { readFileSync } from 'node:fs';
import { PushError } from '../contracts/errors.js';
import { mediaTypeOf } from './media-types.js';
import type { Resource, ResourceRequest, ResourceSource } from './resource.js';

/** One chunk of Vite's manifest (https://vite.dev/guide/backend-integration). */
interface ViteChunk {
  readonly file: string;
  readonly isEntry?: boolean;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
  readonly assets?: readonly string[];
}

type ViteManifest = Readonly<Record<string, ViteChunk>>;

export interface ViteManifestOptions {
  /**
   * The entry whose files are offered whatever the path, by its name in the manifest, for example `src/main.ts` or, for a
   * single-page application, `index.html`. Default: the HTML entry that the request's path names: `/` and `/index.html`
   * are `index.html`; `/about`, `/about/` and `/about.html` are `about.html` or `about/index.html`.
   */
  readonly entry?: string;
  /** Vite's `base`, as a path. Default: `/`. */
  readonly base?: string;
}

/**
 * Offers what Vite built for an entry page: its modules with everything they import statically, their style sheets and
 * their fonts. Needs Vite's `build.manifest: true`, and the application to serve the files under `base`.
 *
 * @param path of the manifest on disk, read once, at start
 * @throws PushError `INVALID_OPTION` if it cannot be read, or has no such entry
 */
export function fromViteManifest(
  path: string,
  { entry, base = '/' }: ViteManifestOptions = {},
): ResourceSource {
  const manifest = readManifest(path);
  const resourcesOf = (name: string) => entryResources(manifest, name, base);
  if (entry !== undefined) {
    if (!manifest[entry])
      throw new PushError(
        'INVALID_OPTION',
        `${path} has no entry ${JSON.stringify(entry)}. Its entries: ${entriesOf(manifest).join(', ') || 'none'}.`,
      );
    const resources = resourcesOf(entry);
    return () => resources;
  }
  const byPage = new Map(
    entriesOf(manifest)
      .filter((name) => name.endsWith('.html'))
      .map((name) => [pageOf(`/${name}`), resourcesOf(name)]),
  );
  return ({ originalUrl }: ResourceRequest) => byPage.get(pageOf(originalUrl.split('?', 1)[0]!));
}

function readManifest(path: string): ViteManifest {
  try {
    const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof manifest === 'object' && manifest !== null) return manifest as ViteManifest;
    throw new TypeError('It is not a JSON object.');
  } catch (cause) {
    throw new PushError(
      'INVALID_OPTION',
      `Vite's manifest ${path} cannot be read. Set build.manifest to true in Vite's configuration and build first.`,
      { cause },
    );
  }
}

function entriesOf(manifest: ViteManifest): string[] {
  return Object.keys(manifest).filter((name) => manifest[name]!.isEntry);
}

/** `/about/index.html`, `/about.html`, `/about/` and `/about` are one page. */
function pageOf(path: string): string {
  return path.replace(/(?:\/index)?\.html$/, '').replace(/\/$/, '');
}

/** Vite's own tags are all in CORS mode, so the hints are too: else a browser would fetch everything twice. */
function entryResources(manifest: ViteManifest, name: string, base: string): Resource[] {
  const chunks = withImports(manifest, name);
  const files = (key: 'css' | 'assets') => chunks.flatMap((chunk) => chunk[key] ?? []);
  const styles = [...files('css'), ...chunks.map(({ file }) => file).filter((file) => file.endsWith('.css'))];
  const modules = chunks.map(({ file }) => file).filter((file) => /\.m?js$/.test(file));
  const fonts = files('assets').filter((file) => mediaTypeOf(file).destination === 'font');
  const crossOrigin = 'anonymous';
  return [
    ...styles.map((file): Resource => ({ path: base + file, as: 'style', crossOrigin })),
    ...modules.map((file): Resource => ({ path: base + file, rel: 'modulepreload', crossOrigin })),
    ...fonts.map((file): Resource => ({ path: base + file, as: 'font' })),
  ];
}

/** The chunk and all it imports statically, each once: imports may go in circles. */
function withImports(manifest: ViteManifest, name: string): ViteChunk[] {
  const names = new Set([name]);
  for (const next of names) for (const imported of manifest[next]?.imports ?? []) names.add(imported);
  return [...names].map((each) => manifest[each]).filter((chunk) => chunk !== undefined);
}
