import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { caughtUp } from '../bus/caught-up.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import { Backplane } from '../contracts/backplane.js';
import { Clock } from '../contracts/clock.js';
import type { LogEvent } from '../contracts/event.js';
import { leaseOf, leasePattern } from '../contracts/reserved.js';
import { covers } from '../contracts/topic.js';
import { Hub } from '../hub/hub.js';
import { Lease, type LeaseHolder } from './lease.js';
import type { OwnedKind } from './owned-kind.js';
import { OwnedReader, type OwnedListener } from './owned-reader.js';
import { OwnedWriter } from './owned-writer.js';
import { ownerOf } from './ownership.js';

/** Milliseconds without a renewal after which other nodes take over what a node owns, unless it asks for something else. */
export const defaultLease = 10_000;

/** How many of its own former incarnations a node remembers. */
const mostFormer = 16;

/** How long a shutdown waits for its last words to the log, in milliseconds. */
const lastWords = 1_000;

/**
 * The one lease of this node, and everything that stands on it: what it reads of all that nodes own, and by what it writes what
 * it owns itself. It does nothing unless a kind of such things is in use.
 */
@Injectable()
export class NodeLease implements LeaseHolder, OwnedListener, OnModuleInit, OnApplicationShutdown {
  readonly writer: OwnedWriter;
  private readonly lease: Lease;
  private readonly reader: OwnedReader;
  private readonly kinds: OwnedKind[] = [];
  private readonly former = new Set<string>();
  /** The durations that are asked for. */
  private readonly asked = new Set<{ readonly milliseconds: number }>();

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(Backplane) private readonly backplane: Backplane,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    /** By which the things expire that stand on the lease; the lease itself goes by the machine's. */
    @Inject(Clock) readonly clock: Clock,
  ) {
    this.lease = new Lease(backplane, this, { duration: defaultLease });
    this.reader = new OwnedReader(hub, this);
    this.writer = new OwnedWriter(backplane, this.lease, this.reader);
  }

  /** The name of this node's present life. */
  get incarnation(): string {
    return this.lease.incarnation;
  }

  /** How many nodes hold a lease, this one included. */
  get nodes(): number {
    return this.lease.nodes;
  }

  /** Whether it was renewed so lately that no other node can have taken over what this one owns. */
  get isHeld(): boolean {
    return this.lease.isHeld;
  }

  /**
   * Renews the lease unless it is held.
   *
   * @throws PushError `UNAVAILABLE`, `CLOSED`
   */
  async held(): Promise<void> {
    await this.lease.held();
  }

  /** Adds a kind of things that nodes own, before the application starts. */
  hold(kind: OwnedKind): void {
    this.kinds.push(kind);
  }

  /**
   * Asks for a lease that lapses after so many milliseconds without a renewal. The shortest that is asked for holds, else ten
   * seconds. Returns a function that takes it back.
   */
  ask(milliseconds: number): () => void {
    const asked = { milliseconds };
    this.asked.add(asked);
    this.update();
    return () => {
      if (this.asked.delete(asked)) this.update();
    };
  }

  /**
   * Resolves when this node has read what the log has now.
   *
   * @throws PushError `UNAVAILABLE`
   */
  caughtUp(): Promise<void> {
    return caughtUp(this.hub, this.backplane);
  }

  /** Whether an incarnation is one of this node's own. */
  isOwn(incarnation: string): boolean {
    return incarnation === this.lease.incarnation || this.former.has(incarnation);
  }

  onModuleInit(): void {
    if (this.kinds.length === 0) return;
    this.reader.start([leasePattern, ...this.kinds.map(({ pattern }) => pattern)]);
    this.lease.start();
  }

  /** Leaves what it owns to the others, or removes it if there are none. Takes a second at most. */
  async onApplicationShutdown(): Promise<void> {
    const isLast = !this.lease.hasOthers;
    const left = Promise.all(this.kinds.map((kind) => kind.close(isLast))).then(() => this.lease.release());
    // What is away does not hold a shutdown up: the others take over anyway.
    const late = new AbortController();
    const time = delay(lastWords, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([left.catch(() => undefined), time]);
    late.abort();
    this.reader.stop();
  }

  reopen(): void {
    this.lease.reopen();
    for (const kind of this.kinds) kind.reopen();
  }

  take(event: LogEvent): void {
    if (leaseOf(event.topic) !== undefined) return this.lease.take(event);
    const owner = ownerOf(event);
    if (owner !== undefined) this.lease.mention(owner);
    this.kinds.find(({ pattern }) => covers(pattern, event.topic))?.take(event);
  }

  opened(): void {
    for (const kind of this.kinds) kind.opened();
    this.lease.opened();
  }

  owns(incarnation: string): boolean {
    return this.kinds.some((kind) => kind.owns(incarnation));
  }

  async onLapsed(incarnation: string, silence: number): Promise<void> {
    const done = await Promise.allSettled(this.kinds.map((kind) => kind.onLapsed(incarnation, silence)));
    for (const each of done) if (each.status === 'rejected') throw each.reason;
  }

  onLost(former: string): void {
    this.former.add(former);
    if (this.former.size > mostFormer) this.former.delete([...this.former][0]!);
    for (const kind of this.kinds) kind.onLost();
  }

  onError(error: unknown): void {
    this.errors.report(error, { stage: 'lease' });
  }

  private update(): void {
    const all = [...this.asked].map(({ milliseconds }) => milliseconds);
    this.lease.duration = all.length > 0 ? Math.min(...all) : defaultLease;
  }
}
