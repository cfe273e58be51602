import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json') as { version: string };

/** The major version of Nest that is installed: the suites run with 11 and with 12 (`npm run test:matrix`). */
export const nestMajor = Number(version.split('.')[0]);

/** Nest 12 runs the application's global guards and interceptors for the messages of gateways too; Nest 11 never did. */
export const runsGlobalsForMessages = nestMajor >= 12;
