import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PushError } from '../contracts/errors.js';
import type { Resource } from './resource.js';
import { fromViteManifest, type ViteManifestOptions } from './vite-manifest.js';

// As Vite 7 writes it for two pages and an entry of a server-rendered application.
const manifest = {
  '_shared-B7.js': {
    file: 'assets/shared-B7.js',
    name: 'shared',
    imports: ['index.html'],
    css: ['assets/shared-C1.css'],
    assets: ['assets/inter-D2.woff2', 'assets/logo-E3.svg'],
  },
  'index.html': {
    file: 'assets/index-A1.js',
    name: 'index',
    src: 'index.html',
    isEntry: true,
    imports: ['_shared-B7.js'],
    dynamicImports: ['src/lazy.ts'],
    css: ['assets/index-F4.css'],
  },
  'about/index.html': { file: 'assets/about-G5.js', src: 'about/index.html', isEntry: true },
  'src/admin.ts': {
    file: 'assets/admin-H6.js',
    src: 'src/admin.ts',
    isEntry: true,
    imports: ['_shared-B7.js'],
  },
  'src/lazy.ts': { file: 'assets/lazy-I7.js', src: 'src/lazy.ts', isDynamicEntry: true },
  'src/print.css': { file: 'assets/print-J8.css', src: 'src/print.css', isEntry: true },
};

describe('fromViteManifest', () => {
  let directory: string;
  let path: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'vite-manifest-'));
    path = join(directory, 'manifest.json');
    writeFileSync(path, JSON.stringify(manifest));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const pathsAt = (originalUrl: string, options?: ViteManifestOptions) => {
    const answer = fromViteManifest(path, options)({ method: 'GET', headers: {}, originalUrl });
    return (answer as Resource[] | undefined)?.map((resource) => resource.path);
  };

  it('gives an entry page its style sheets, its modules with their imports, and its fonts', () => {
    const answer = fromViteManifest(path)({ method: 'GET', headers: {}, originalUrl: '/' });
    const crossOrigin = 'anonymous';
    expect(answer).toEqual([
      { path: '/assets/index-F4.css', as: 'style', crossOrigin },
      { path: '/assets/shared-C1.css', as: 'style', crossOrigin },
      { path: '/assets/index-A1.js', rel: 'modulepreload', crossOrigin },
      { path: '/assets/shared-B7.js', rel: 'modulepreload', crossOrigin },
      { path: '/assets/inter-D2.woff2', as: 'font' },
    ]);
  });

  it.each(['/about', '/about/', '/about/index.html', '/about?from=mail', '/about.html'])(
    'finds %s',
    (url) => {
      expect(pathsAt(url)).toEqual(['/assets/about-G5.js']);
    },
  );

  it.each(['/orders', '/about/us', '/index', '/src/admin.ts'])('gives %s nothing', (url) => {
    expect(pathsAt(url)).toBeUndefined();
  });

  it('gives any path a named entry', () => {
    expect(pathsAt('/admin/users', { entry: 'src/admin.ts', base: '/static/' })).toEqual([
      '/static/assets/shared-C1.css',
      '/static/assets/index-F4.css',
      '/static/assets/admin-H6.js',
      '/static/assets/shared-B7.js',
      '/static/assets/index-A1.js',
      '/static/assets/inter-D2.woff2',
    ]);
    expect(pathsAt('/', { entry: 'src/print.css' })).toEqual(['/assets/print-J8.css']);
  });

  it('says at start what is missing', () => {
    expect(() => fromViteManifest(join(directory, 'none.json'))).toThrow(PushError);
    expect(() => fromViteManifest(path, { entry: 'main.ts' })).toThrow(
      /has no entry "main\.ts"\. Its entries: index\.html, about\/index\.html, src\/admin\.ts, src\/print\.css/,
    );
  });
});
