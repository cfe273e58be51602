import { randomBytes } from 'node:crypto';
import { SharedLog, type OpenLog } from '../kit/shared-log.js';
import { isMissing } from '../../postgres/migration.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import { migrationOf } from './migration.js';
import type { Names } from './names.js';
import type { News } from './news.js';

/** How long making the tables may take, in milliseconds. */
const migrationPatience = 30_000;

/** The log in Postgres: one function looks at it, creates it, and notices that entries were lost. */
export class PostgresLog extends SharedLog {
  private isMade: boolean;

  /**
   * @param news what is new in it, for the reader
   * @param migrates whether tables are made where they are not there
   */
  constructor(
    private readonly link: PostgresLink,
    private readonly names: Names,
    readonly news: News,
    private readonly migrates: boolean,
  ) {
    super();
    this.isMade = !migrates;
  }

  protected async look(): Promise<OpenLog> {
    if (!this.isMade) {
      await this.link.run((client) => migrationOf(this.names.name).run(client), migrationPatience);
      this.isMade = true;
    }
    try {
      return await this.ask();
    } catch (error) {
      // Somebody has dropped the schema: it is made again at the next look.
      if (isMissing(error)) this.isMade = !this.migrates;
      throw error;
    }
  }

  private async ask(): Promise<OpenLog> {
    const { schema, channel } = this.names;
    const { sequence: known, time } = this.known;
    const values = [randomBytes(6).toString('hex'), this.current?.epoch ?? '', known, time ?? null, channel];
    const sql = `SELECT * FROM ${schema}.open($1, $2, $3, $4, $5)`;
    const { rows } = await this.link.query<{ epoch: string; start: string; sequence: string }>(sql, values);
    const { epoch, start, sequence } = rows[0]!;
    return { epoch, start: Number(start), sequence: Number(sequence) };
  }
}
