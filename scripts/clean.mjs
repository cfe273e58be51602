/* Empties the `dist` of the package in whose folder it runs, so that no tarball holds what a source that is gone became. */
import { rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
