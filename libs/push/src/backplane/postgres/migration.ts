import { Migration } from '../../postgres/migration.js';
import { appendFunction } from './append-function.js';
import { historyFunctions } from './history-functions.js';
import { logFunctions } from './log-functions.js';
import { schemaVersion, tables } from './schema.js';

/** Everything that the log needs in a database. @param name of its schema */
export function migrationOf(name: string): Migration {
  return new Migration(name, 'version', schemaVersion, tables, [
    appendFunction,
    logFunctions,
    historyFunctions,
  ]);
}
