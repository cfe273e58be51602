import pg, { type Client, type ClientConfig } from 'pg';
import {
  callable,
  checkedElsewhere,
  refuse,
  text,
  type Check,
  type Checks,
} from '../contracts/option-checks.js';

/** Where a database is. */
export interface PostgresPlace<Purpose extends string = string> {
  readonly url?: string;
  readonly direct?: string;
  readonly options?: ClientConfig;
  readonly connect?: (purpose: Purpose) => Client;
}

/** The checks of these options. */
export const placeChecks: Checks<PostgresPlace> = {
  url: text,
  direct: text,
  // pg looks at what is its own.
  options: checkedElsewhere,
  connect: callable('a function that returns a Client of pg'),
};

/** Schemas that have, or can have, what is not nestjs-push's own: the server's, and the one where tables are by default. */
const isShared = /^(pg_.*|information_schema|public)$/;

/** The check of the name of a schema. */
export const schemaName: Check = (value, name) => {
  if (value === undefined) return;
  if (typeof value !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(value))
    refuse(name, value, 'letters, digits and "_", 40 at most, and no digit first');
  if (isShared.test(value))
    refuse(name, value, 'a schema that has nothing else in it: neither "public" nor one of the server\'s');
};

/** A connection that is not open yet. One that listens is made without a pooler, if it is said how. */
export function clientOf<Purpose extends string>(
  { connect, url, direct, options }: PostgresPlace<Purpose>,
  purpose: Purpose,
): Client {
  if (connect) return connect(purpose);
  const connectionString = (purpose === 'listening' && direct) || url;
  return new pg.Client({
    application_name: 'nestjs-push',
    keepAlive: true,
    ...options,
    ...(connectionString !== undefined && { connectionString }),
  });
}
