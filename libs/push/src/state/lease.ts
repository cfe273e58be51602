import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { printPosition } from '../contracts/position.js';
import { leaseTopicOf, leaseOf } from '../contracts/reserved.js';
import { expectNone, isRemoval, removalMeta } from '../contracts/state.js';
import { LeaseTable } from './lease-table.js';
import { newIncarnation, ownedBy, ownerOf } from './ownership.js';

/** How often a lease is renewed in its time. */
const renewalsPerLease = 3;

/** What a lease is told of and asks: everything that its node owns. */
export interface LeaseHolder {
  /** Whether the log has anything that this incarnation owns, as far as this node has read it. */
  owns(incarnation: string): boolean;
  /**
   * The lease of another incarnation has lapsed, and this node takes over what it owned: it removes it, or makes it its own, by
   * `expect`. If the promise rejects, a survivor tries again after the time of one more lease.
   *
   * @param silence for how many milliseconds nothing has come of that node
   */
  onLapsed(incarnation: string, silence: number): Promise<void>;
  /** This node has a new incarnation: it has to write everything that it owns once more. Other nodes may have taken it over. */
  onLost(former: string): void;
  /** Something failed in work that is not awaited. The backplane's absence is not reported. */
  onError(error: unknown): void;
}

/** The data of a renewal. Those that older versions write have no duration: it is ten seconds. */
interface Renewal {
  readonly renewal?: number;
  /** Milliseconds. */
  readonly duration?: number;
}

/** How a lease is made. */
export interface LeaseOptions {
  /** Milliseconds without a renewal after which others take over, until `Lease.duration` is changed. */
  readonly duration: number;
  /** Monotonic clock in milliseconds. Default: `performance.now()`. */
  readonly now?: () => number;
}

/**
 * A node's right to what it owns in the log. The node has an **incarnation**, and a state topic that it renews by `expect`.
 * When it stops, the other nodes see it: each times all leases by its own clock (`LeaseTable`), and each lease by how long its
 * newest renewal says that it lasts. One of them writes into the lapsed lease, which `expect` decides, takes over what its node
 * owned, and removes the lease.
 *
 * A node that finds its lease taken has been away for too long. It takes a new incarnation. What it still writes for the old one
 * fails: that expects events which are not the newest any more.
 */
export class Lease {
  /** The name of this node's present life. */
  incarnation = newIncarnation();
  /** The newest event of its lease; `undefined` before the first renewal. */
  private id: string | undefined;
  /** The renewal that is on its way, or came last. */
  private sent = { number: 0, at: -Infinity };
  /** When the newest renewal was sent that was stored. */
  private heldSince = -Infinity;
  private renewal: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When the timer calls, on this node's clock. */
  private due = Infinity;
  /** How long the lease is to last, and the least that others may time it by: what was stored, or is on its way. */
  private wanted: number;
  private announced: number;
  private isOpen = false;
  private isReleased = false;
  private readonly others: LeaseTable;
  private readonly takeovers = new Set<string>();
  private readonly now: () => number;

  constructor(
    private readonly log: Pick<Backplane, 'append'>,
    private readonly holder: LeaseHolder,
    { duration, now = () => performance.now() }: LeaseOptions,
  ) {
    this.wanted = this.announced = duration;
    this.now = now;
    this.others = new LeaseTable(duration, now);
  }

  /** How many milliseconds it lasts without a renewal. */
  get duration(): number {
    return this.wanted;
  }

  /** A shorter one is announced at once, a longer one with the next renewal: what asks for a short one may come often. */
  set duration(milliseconds: number) {
    this.wanted = milliseconds;
    if (milliseconds >= this.announced) return;
    this.hurry();
    this.tick();
  }

  /** Milliseconds between two renewals: they also prove that the leases of others have lapsed, the shortest of all in time. */
  get interval(): number {
    return Math.min(this.wanted, this.announced, this.others.shortest) / renewalsPerLease;
  }

  /** Whether other nodes hold a lease: they would take over what this one leaves. */
  get hasOthers(): boolean {
    return this.others.held > 0;
  }

  /** How many nodes hold a lease, this one included. */
  get nodes(): number {
    return this.others.held + 1;
  }

  /** Renews by itself from now on. */
  start(): void {
    const { interval } = this;
    this.due = this.now() + interval;
    const beat = () => {
      this.tick();
      this.start();
    };
    this.timer = setTimeout(beat, interval).unref();
  }

  /** The log is about to be read from its beginning: `take` brings the newest event of each lease, then `opened` follows. */
  reopen(): void {
    this.isOpen = false;
    this.others.clear();
  }

  /** This node has read the log to its end, and follows it. */
  opened(): void {
    this.isOpen = true;
    this.others.renewAll();
    this.tick();
  }

  /** Takes an event of a lease's topic, in log order. */
  take(event: LogEvent): void {
    const incarnation = leaseOf(event.topic);
    if (incarnation === undefined || event.id === undefined) return;
    if (incarnation === this.incarnation) return this.takeOwn(event);
    const isThere = !isRemoval(event);
    const { duration } = (isThere ? JSON.parse(event.data) : {}) as Renewal;
    this.others.note(incarnation, isThere ? event.id : undefined, duration);
    this.hurry();
  }

  /** The log has something that this incarnation owns. */
  mention(incarnation: string): void {
    if (incarnation !== this.incarnation) this.others.mention(incarnation);
  }

  /** Renews the lease. A timer calls it. */
  tick(): void {
    if (this.isOpen && !this.isReleased) this.renew().catch(this.failed);
  }

  /**
   * Resolves with the incarnation to write with. If this node has not renewed for the time of a lease, it does so first: it may
   * have been paused, and others may have taken over.
   *
   * @throws PushError `UNAVAILABLE` if it could not be renewed, `CLOSED` after `release`
   */
  async held(): Promise<string> {
    if (!this.isHeld) await this.renew();
    if (this.isReleased) throw new PushError('CLOSED', 'The application is shutting down.');
    if (!this.isHeld)
      throw new PushError('UNAVAILABLE', 'The lease of this node could not be renewed. Try again.');
    return this.incarnation;
  }

  /**
   * Gives the lease up. What this node still owns is taken over by others as if it had died now, if there are any.
   *
   * @throws PushError `UNAVAILABLE`
   */
  async release(): Promise<void> {
    clearTimeout(this.timer);
    this.isReleased = true;
    await this.renewal;
    if (this.id === undefined) return;
    const removal = { topic: leaseTopicOf(this.incarnation), data: 'null', meta: removalMeta };
    await this.log.append({ ...removal, expect: this.id }).catch(unlessConflict);
  }

  /** Whether the last renewal is recent enough: no other node can have taken over. */
  get isHeld(): boolean {
    return this.now() - this.heldSince <= this.announced;
  }

  private renew(): Promise<void> {
    if (this.isReleased) return Promise.resolve();
    this.renewal ??= this.send().finally(() => (this.renewal = undefined));
    return this.renewal;
  }

  private async send(): Promise<void> {
    const { incarnation } = this;
    const at = this.now();
    const number = this.sent.number + 1;
    this.sent = { number, at };
    const duration = this.wanted;
    this.announced = Math.min(this.announced, duration);
    const data = JSON.stringify({ renewal: number, duration } satisfies Renewal);
    const draft = { topic: leaseTopicOf(incarnation), data, meta: ownedBy(incarnation) };
    try {
      const position = await this.log.append({ ...draft, expect: this.id ?? expectNone });
      if (incarnation !== this.incarnation) return;
      this.id = printPosition(position);
      this.heldSince = at;
      this.announced = duration;
    } catch (error) {
      this.refused(error, incarnation);
    }
  }

  /** A renewal was not stored. */
  private refused(error: unknown, incarnation: string): void {
    if (!(error instanceof PushError)) return this.holder.onError(error);
    // If its topic has another event, the log brings it, and that says who has written it.
    const isGone = error.code === 'CONFLICT' && error.currentId === undefined;
    if (isGone && incarnation === this.incarnation) this.lose();
  }

  private takeOwn(event: LogEvent): void {
    if (ownerOf(event) !== this.incarnation) return this.lose();
    this.id = event.id;
    const { renewal } = JSON.parse(event.data) as Renewal;
    if (renewal !== this.sent.number || !this.isOpen) return;
    for (const incarnation of this.others.prove(this.sent.at)) this.lapsed(incarnation);
  }

  /** Lets the timer call earlier, if the interval is shorter now. */
  private hurry(): void {
    if (!this.timer || this.isReleased || this.now() + this.interval >= this.due) return;
    clearTimeout(this.timer);
    this.start();
  }

  /** Another node has taken the lease over, or the log does not have it. */
  private lose(): void {
    if (this.isReleased) return;
    const former = this.incarnation;
    this.incarnation = newIncarnation();
    this.id = undefined;
    this.heldSince = -Infinity;
    this.holder.onLost(former);
    // The renewal that is on its way is of the old incarnation.
    const before = this.renewal ?? Promise.resolve();
    before.then(() => this.tick()).catch(this.failed);
  }

  private lapsed(incarnation: string): void {
    if (this.takeovers.has(incarnation) || this.isReleased) return;
    const id = this.others.idOf(incarnation);
    if (id === undefined && !this.holder.owns(incarnation)) return this.others.forget(incarnation);
    this.takeovers.add(incarnation);
    this.takeOver(incarnation, id)
      .catch(this.failed)
      .finally(() => this.takeovers.delete(incarnation))
      .catch(this.failed);
  }

  /** What is away comes back, and is tried again: others report that. */
  private readonly failed = (error: unknown): void => {
    if (!(error instanceof PushError)) this.holder.onError(error);
  };

  private async takeOver(incarnation: string, id: string | undefined): Promise<void> {
    const topic = leaseTopicOf(incarnation);
    const silence = this.others.durationOf(incarnation);
    const claim = { topic, data: '{}', meta: ownedBy(await this.held()) };
    // A conflict means that it has been renewed, or that another survivor was faster.
    const position = await this.log.append({ ...claim, expect: id ?? expectNone }).catch(unlessConflict);
    if (!position) return;
    await this.holder.onLapsed(incarnation, silence);
    const removal = { topic, data: 'null', meta: removalMeta };
    await this.log.append({ ...removal, expect: printPosition(position) }).catch(unlessConflict);
  }
}

/** @throws the error unless it is a conflict */
function unlessConflict(error: unknown): undefined {
  if (error instanceof PushError && error.code === 'CONFLICT') return undefined;
  throw error;
}
