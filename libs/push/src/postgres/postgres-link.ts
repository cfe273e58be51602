import type { Client, QueryResult, QueryResultRow } from 'pg';
import type { Socket } from 'node:net';
import { within } from '../contracts/backoff.js';
import { isMissing } from './migration.js';

/** How long a server may take to let a connection in, and to answer, in milliseconds. */
const patience = 5_000;

/** Errors of a server that is not the one to write to, or that is going away: another connection may lead to another server. */
const isElsewhere = /^(25006|57P0[1-5]|08|53300)/;

/** What a server says where the role may not do something, and what to do then. */
const notAllowed = '42501';
const grantAdvice =
  'Grant that to the role that nestjs-push connects as; or have what sql() returns run by a role that may do it, and set migrate: false.';

/** One connection to the server, which is made when it is needed and replaced when it fails or does not answer. */
export class PostgresLink {
  private connection: Promise<Client> | undefined;
  private client: Client | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  /** Called when a connection that was there is gone. */
  onLost: () => void = () => undefined;

  /**
   * @param make makes a connection, which this one opens and closes
   * @param advice what to do where the tables or functions are missing
   * @param signal aborted when nothing is to be asked any more
   */
  constructor(
    private readonly make: () => Client,
    private readonly advice: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Whether a connection is there. */
  get isReady(): boolean {
    return this.client !== undefined;
  }

  /** Runs a query. Without values it is one message: the server needs no other word to begin and to end its transaction. */
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>> {
    return this.run((client) => (values ? client.query<Row>(text, values) : client.query<Row>(text)));
  }

  /** Does something with the connection, one thing after the other. It has to be done in time. */
  run<T>(work: (client: Client) => Promise<T>, milliseconds = patience): Promise<T> {
    const done = this.turn.then(() => this.runNow(work, milliseconds));
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async runNow<T>(work: (client: Client) => Promise<T>, milliseconds: number): Promise<T> {
    if (this.signal.aborted) throw new Error('The connection to Postgres is closed.');
    const client = await (this.connection ??= this.connect());
    try {
      return await within(milliseconds, work(client), () => this.drop(client));
    } catch (error) {
      const { code } = error as { code?: unknown };
      // An error of SQL leaves the connection as it was. Anything else may not.
      const isOfServer = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
      if (!isOfServer || isElsewhere.test(code)) this.drop(client);
      if (isMissing(error)) throw explained(error as Error, '3F000', this.advice);
      throw code === notAllowed ? explained(error as Error, notAllowed, grantAdvice) : error;
    }
  }

  /** Closes the connection. Resolves once it is closed, or has not closed in time. */
  async close(): Promise<void> {
    const client = await this.connection?.catch(() => undefined);
    if (!client) return;
    this.forget(client);
    await within(1_000, client.end(), () => destroy(client)).catch(() => undefined);
  }

  private async connect(): Promise<Client> {
    const client = this.make();
    let isOver = false;
    const end = () => {
      isOver = true;
      this.drop(client);
    };
    client.on('error', end);
    client.on('end', end);
    try {
      await within(patience, client.connect(), () => destroy(client));
      if (isOver) throw new Error('The server closed the connection.');
      await within(patience, checkEncoding(client), () => destroy(client));
    } catch (error) {
      this.connection = undefined;
      destroy(client);
      throw error;
    }
    this.client = client;
    return client;
  }

  private drop(client: Client): void {
    if (this.client === client) this.forget(client);
    destroy(client);
  }

  private forget(client: Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.connection = undefined;
    this.onLost();
  }
}

/** Ends a connection at once. `end` would wait until the server has taken what is on its way. */
function destroy(client: Client): void {
  (client as unknown as { readonly connection?: { readonly stream?: Socket } }).connection?.stream?.destroy();
}

function explained(error: Error, code: string, advice: string): Error {
  return Object.assign(new Error(`${error.message}. ${advice}`, { cause: error }), { code });
}

/** Text of any language has to fit: what does not would hold up all that is stored with it. */
async function checkEncoding(client: Client): Promise<void> {
  const sql = `SELECT current_setting('server_encoding') AS encoding, current_database() AS name`;
  const { encoding, name } = (await client.query<{ encoding: string; name: string }>(sql)).rows[0]!;
  if (encoding === 'UTF8') return;
  const advice = `Make one with ENCODING 'UTF8' TEMPLATE template0, and say where it is.`;
  throw new Error(`The database "${name}" cannot hold every text: its encoding is ${encoding}. ${advice}`);
}
