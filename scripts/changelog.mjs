/* There is one changelog, at the root. It goes into each tarball: `prepack` runs this in the folder of a package. */
import { copyFileSync } from 'node:fs';

copyFileSync(new URL('../CHANGELOG.md', import.meta.url), 'CHANGELOG.md');
