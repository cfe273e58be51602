import { randomUUID } from 'node:crypto';
import { backoff, within } from '../contracts/backoff.js';
import { Wake } from '../postgres/wake.js';
import { appendRows } from './append-rows.js';
import { HeldTopics } from './held-topics.js';
import type { OutboxDatabase } from './outbox-database.js';
import type { OutboxLog } from './outbox-log.js';
import type { OutboxSettings } from './outbox.options.js';
import { nameOf, Recovery } from './recovery.js';
import { released, RelayLease, type Grant } from './relay-lease.js';
import { draftOfRow } from './row-draft.js';
import { tell } from './steps.js';
import { WaitingRows, type WaitingRow } from './waiting-rows.js';

/** How long a listener waits for nothing, and how long stopping waits for rows that are being appended, in milliseconds. */
const longWait = 60_000;
const stopPatience = 5_000;

/** After how many failures in a row another node may try. */
const mostFailures = 5;

/** Moves what has committed into the log, on one node of all: in a loop of lease, recovery, claim, append and settlement. */
export class Relay {
  private readonly stopping = new AbortController();
  private readonly wake = new Wake(this.stopping.signal);
  private readonly lost = new Wake(this.stopping.signal);
  private readonly held = new HeldTopics();
  private readonly lease: RelayLease;
  private readonly rows: WaitingRows;
  private readonly recovery: Recovery;
  private running: Promise<unknown> | undefined;
  private hasReported = false;

  /** @param report is told what fails, once until it works again */
  constructor(
    private readonly settings: OutboxSettings,
    private readonly database: OutboxDatabase,
    private readonly log: OutboxLog,
    private readonly report: (error: unknown) => void,
  ) {
    const { lease, schema } = settings;
    this.lease = new RelayLease(database, randomUUID(), lease, schema);
    // White space takes room in a row, and none in the log.
    this.rows = new WaitingRows(database, 4 * log.rules.maxEventBytes);
    this.recovery = new Recovery(log, this.lease, this.rows);
  }

  /** Whether this node is the one that relays. */
  get isHeld(): boolean {
    return this.lease.isHeld;
  }

  start(): void {
    this.running ??= Promise.all([this.run(), this.listen()]);
  }

  /** Lets go of the lease, so that another node takes over at once. */
  async stop(): Promise<void> {
    this.stopping.abort();
    if (!this.running) return;
    // What is appended meanwhile was claimed: the next relay looks for it in the log.
    await within(stopPatience, this.running, () => undefined).catch(() => undefined);
    await this.lease.release().catch(() => undefined);
  }

  /** How long it may wait for news: the lease has to be renewed, and held topics have their time. */
  private get pause(): number {
    const { pollInterval, lease } = this.settings;
    return Math.min(pollInterval, lease / 3, this.held.next);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    await Promise.race([this.log.whenOpen(), aborted(signal)]);
    for (let failures = 0; !signal.aborted;) {
      try {
        this.wake.clear();
        const isMore = await this.turn();
        failures = 0;
        this.hasReported = false;
        if (!isMore) await this.wake.wait(this.pause);
      } catch (error) {
        failures++;
        this.failed(error);
        if (failures % mostFailures === 0) await this.lease.release().catch(() => undefined);
        this.lease.forget();
        await backoff(failures, signal);
      }
    }
  }

  /** Publishes the next rows. Returns whether there may be more. @throws what keeps rows from being published now */
  private async turn(): Promise<boolean> {
    const { database, lease, rows, held } = this;
    await database.ready();
    const grant = await lease.current();
    if (!grant) return false;
    await this.recovery.run(grant);
    const claimed = await rows.claim(grant.token, this.log.head, held.topics);
    if (claimed.length === 0) return false;
    const outcome = await appendRows(claimed, (row) => this.append(row, grant), held);
    await rows.settle(grant.token, outcome);
    if (outcome.stop !== undefined) throw outcome.stop;
    // The next grant says what to look for in the log.
    if (outcome.unsure.length > 0) lease.forget();
    return true;
  }

  private async append(row: WaitingRow, grant: Grant): Promise<void> {
    const draft = draftOfRow(row, nameOf(grant.outbox, row.id), this.log.rules);
    await this.lease.hold(grant);
    tell('append');
    this.lease.assertHeld(grant);
    await this.log.append(draft);
    tell('appended');
  }

  /** Is told of commits, and of a relay that went, until it is stopped. Polling finds both too. */
  private async listen(): Promise<void> {
    const { signal } = this.stopping;
    const hear = (message: string) => {
      if (this.lease.isHeld || message === released) this.wake.set();
    };
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        this.lost.clear();
        await this.database.listen(hear, () => this.lost.set());
        attempt = 0;
        this.wake.set();
        while (!(await this.lost.wait(longWait)));
      } catch (error) {
        if (attempt === mostFailures) this.failed(error);
      }
      await backoff(attempt, signal);
    }
  }

  private failed(error: unknown): void {
    if (this.hasReported || this.stopping.signal.aborted) return;
    this.hasReported = true;
    this.report(error);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
