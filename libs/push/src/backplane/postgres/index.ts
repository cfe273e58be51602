/* nestjs-push/postgres. Needs pg. */
export { postgresBackplane, PostgresBackplane } from './postgres.backplane.js';
export type { PostgresBackplaneOptions, PostgresPurpose } from './postgres.options.js';
