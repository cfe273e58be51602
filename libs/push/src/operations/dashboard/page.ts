import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { packageFolder } from './package-files.js';

/** A file of the page. */
export interface PageFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The files of the page, read once: no request reaches the file system. */
export class Page {
  private readonly files: ReadonlyMap<string, PageFile>;

  /** @throws PushError `INVALID_OPTION` if the files are not there */
  constructor(folder = join(packageFolder(), 'dashboard')) {
    const names = readdirSync(folder).filter((name) => extname(name) in types);
    this.files = new Map(names.map((name) => [name, read(join(folder, name))]));
  }

  /** The file with this name; `undefined` if the page has none. */
  file(name: string): PageFile | undefined {
    return this.files.get(name);
  }
}

function read(path: string): PageFile {
  const bytes = readFileSync(path);
  const hash = createHash('sha256').update(bytes).digest('base64url');
  return { bytes, type: types[extname(path)]!, etag: `"${hash.slice(0, 22)}"` };
}
