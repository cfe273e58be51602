import { cp } from 'node:fs/promises';

/* Puts the declarations into a package that was just built: `node ../push-protocol/copy.mjs`, from its folder. */
await cp(new URL('src/protocol', import.meta.url), 'dist/protocol', { recursive: true });
