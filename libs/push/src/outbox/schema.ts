import { Migration } from '../postgres/migration.js';
import { schema } from '../postgres/quoted.js';
import { publishFunctions } from './publish-functions.js';

/** Changes when the tables or the functions change: nodes make them again then. */
const schemaVersion = 1;

const tables = `
-- What is to be published. Numbers are given one by one: what committed before another row was inserted has the smaller one.
CREATE TABLE IF NOT EXISTS ${schema}.rows (
  id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  topic text NOT NULL,
  data json NOT NULL,
  options json,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts int NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- What cannot be published, and why.
CREATE TABLE IF NOT EXISTS ${schema}.failed (
  id bigint PRIMARY KEY,
  topic text NOT NULL,
  data json NOT NULL,
  options json,
  created timestamptz NOT NULL,
  attempts int NOT NULL,
  failed timestamptz NOT NULL DEFAULT clock_timestamp(),
  code text NOT NULL,
  message text NOT NULL
);

-- One row: who relays, until when, and with which token. What it has claimed and not settled may be in the log, after "head".
CREATE TABLE IF NOT EXISTS ${schema}.relay (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  outbox uuid NOT NULL DEFAULT gen_random_uuid(),
  holder text,
  token bigint NOT NULL DEFAULT 0,
  until timestamptz NOT NULL DEFAULT '-infinity',
  head text,
  claimed bigint[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 20);
INSERT INTO ${schema}.relay DEFAULT VALUES ON CONFLICT DO NOTHING;
`;

/** Everything that an outbox needs in a database. @param name of its schema */
export function migrationOf(name: string): Migration {
  return new Migration(name, 'outbox_version', schemaVersion, tables, [publishFunctions(name)]);
}
