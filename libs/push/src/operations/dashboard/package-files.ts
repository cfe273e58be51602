import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PushError } from '../../contracts/errors.js';

/** Where this file is, in the CommonJS build too, which has no `import.meta`. */
const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));

/**
 * The folder of the installed package: the page is in it.
 *
 * @throws PushError `INVALID_OPTION` if it is not there, because the library was bundled
 */
export function packageFolder(): string {
  for (let folder = here; dirname(folder) !== folder; folder = dirname(folder))
    if (existsSync(join(folder, 'dashboard/index.html')) && nameIn(folder) === 'nestjs-push') return folder;
  throw new PushError(
    'INVALID_OPTION',
    'The page of the dashboard is not beside the library. If you bundle the server, leave nestjs-push out of the bundle.',
  );
}

/** The version of an installed package; `undefined` if it cannot be found. */
export function versionOf(name: string): string | undefined {
  try {
    return versionIn(createRequire(join(here, 'x.js')).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** The version in a manifest. */
export function versionIn(manifest: string): string | undefined {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version?: string }).version;
}

function nameIn(folder: string): string | undefined {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name;
}
