import { schema } from '../postgres/quoted.js';
import type { OutboxDatabase } from './outbox-database.js';
import { tell } from './steps.js';

/** Rows that were claimed, and of which it is not known whether they are in the log. */
export interface OpenClaim {
  /** The id of the log's head when they were claimed: what was appended since is after it. */
  readonly head: string;
  readonly ids: readonly string[];
}

/** The right to relay, until it lapses. */
export interface Grant {
  /** Rises with every grant: statements with an older one change nothing. */
  readonly token: string;
  /** Tells this outbox from all others. */
  readonly outbox: string;
  /** What the one before has left. */
  readonly open?: OpenClaim;
}

interface GrantRow {
  readonly token: string;
  readonly outbox: string;
  readonly head: string | null;
  readonly claimed: readonly string[];
}

/** Another node relays now, or may. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease of the relay has lapsed.');
  }
}

const until = `clock_timestamp() + $2::float8 * interval '1 millisecond'`;

/** One relay at a time for all nodes, by the server's clock. This node counts by its own monotonic clock, from before it asked. */
export class RelayLease {
  private grant: Grant | undefined;
  private lapsesAt = 0;
  private renewing: Promise<void> | undefined;

  /**
   * @param holder names this node
   * @param milliseconds how long it lasts without being renewed
   */
  constructor(
    private readonly database: OutboxDatabase,
    private readonly holder: string,
    private readonly milliseconds: number,
    private readonly channel: string,
  ) {}

  /** Whether this node relays. */
  get isHeld(): boolean {
    return this.grant !== undefined && performance.now() < this.lapsesAt;
  }

  /** The grant of this node, taken if no other node has it; `undefined` if one does. */
  async current(): Promise<Grant | undefined> {
    const { grant } = this;
    if (!grant) return this.take();
    try {
      await this.hold(grant);
      return grant;
    } catch (error) {
      if (error instanceof LeaseLost) return undefined;
      throw error;
    }
  }

  /** Renews it when a third of its time is over. @throws LeaseLost */
  async hold(grant: Grant): Promise<void> {
    if (grant !== this.grant) throw new LeaseLost();
    if (performance.now() < this.lapsesAt - (this.milliseconds * 2) / 3) return;
    await (this.renewing ??= this.renew(grant).finally(() => (this.renewing = undefined)));
  }

  /** @throws LeaseLost unless it holds at this moment */
  assertHeld(grant: Grant): void {
    if (grant !== this.grant || !this.isHeld) throw new LeaseLost();
  }

  /** Begins again: the next grant has a new token, and says what was left open. */
  forget(): void {
    this.grant = undefined;
  }

  /** Gives it back, and tells the other nodes. */
  async release(): Promise<void> {
    if (this.grant) tell('release');
    this.forget();
    const sql = `WITH free AS (
      UPDATE ${schema}.relay SET holder = NULL, until = '-infinity' WHERE holder = $1 RETURNING token
    ) SELECT pg_notify($2, '${released}') FROM free`;
    await this.database.query(sql, [this.holder, this.channel]);
  }

  private async take(): Promise<Grant | undefined> {
    const asked = performance.now();
    const sql = `UPDATE ${schema}.relay SET holder = $1, token = token + 1, until = ${until}
      WHERE holder = $1 OR until < clock_timestamp() 
      RETURNING token::text, outbox::text, head, claimed::text[]`;
    const { rows } = await this.database.query<GrantRow>(sql, [this.holder, this.milliseconds]);
    const [row] = rows;
    if (!row) return undefined;
    const { token, outbox, head, claimed } = row;
    this.lapsesAt = asked + this.milliseconds;
    this.grant = { token, outbox, ...(claimed.length > 0 && { open: { head: head!, ids: claimed } }) };
    tell('lease');
    return this.grant;
  }

  private async renew(grant: Grant): Promise<void> {
    const asked = performance.now();
    const sql = `UPDATE ${schema}.relay SET until = ${until} WHERE token = $1 RETURNING token`;
    const { rows } = await this.database.query(sql, [grant.token, this.milliseconds]);
    if (rows.length === 0) {
      if (this.grant === grant) this.forget();
      throw new LeaseLost();
    }
    this.lapsesAt = asked + this.milliseconds;
    tell('lease');
  }
}

/** What the others are told when a relay goes. */
export const released = 'released';
