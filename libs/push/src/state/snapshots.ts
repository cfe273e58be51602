import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ErrorReporter } from '../bus/error-reporter.js';
import { PushError } from '../contracts/errors.js';
import { longestTimer } from '../contracts/option-checks.js';
import { pushSettings } from '../contracts/settings.js';
import type { Snapshot, SnapshotReader, SnapshotSource } from '../contracts/snapshot.js';
import { Hub } from '../hub/hub.js';
import { ReadQueue } from '../hub/replay/read-queue.js';
import { callSnapshot, refusal, SnapshotFailure } from './snapshot-caller.js';
import { SnapshotMethods } from './snapshot-methods.js';
import { SnapshotRun, type SnapshotWaiter } from './snapshot-run.js';
import type { SnapshotOptions } from './snapshot.options.js';

/** What asking for a snapshot costs its client, in units of work: about as much as reading a page of the past. */
const loadUnits = 500;

/** What it costs to wait for one that is being loaded. */
const sharedUnits = 50;

/** Loads the state of topics by the application's `@PushSnapshot()` methods: a few at a time, and each within a time. */
@Injectable()
export class Snapshots implements SnapshotSource, OnModuleInit, OnApplicationShutdown {
  private methods: SnapshotMethods | undefined;
  private readonly waiting: ReadQueue<SnapshotRun>;
  private readonly running = new Set<SnapshotRun>();
  /** Those that other clients may join, by topic. */
  private readonly shared = new Map<string, SnapshotRun>();
  private readonly bounds: Required<SnapshotOptions>;
  private isScheduled = false;

  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(Hub) private readonly hub: Hub,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(pushSettings) settings: { readonly snapshots: Required<SnapshotOptions> },
  ) {
    this.bounds = settings.snapshots;
    this.waiting = new ReadQueue(Math.max(1, Math.floor(this.bounds.concurrency / 4)));
  }

  onModuleInit(): void {
    this.methods = new SnapshotMethods(this.modules);
    if (this.methods.size > 0) this.hub.loadSnapshotsBy(this);
  }

  onApplicationShutdown(): void {
    this.waiting.clear();
    for (const run of this.running) {
      run.waiters.clear();
      run.controller.abort();
    }
  }

  canLoad(topic: string): boolean {
    return this.methods?.of(topic) !== undefined;
  }

  load(
    topic: string,
    reader: SnapshotReader,
    since: number,
    done: (result: Snapshot | PushError) => void,
  ): () => void {
    const delay = reader.budget?.delay ?? 0;
    if (delay === 0) return this.enter(topic, since, { reader, done });
    const enter = () => (cancel = this.enter(topic, since, { reader, done }));
    const timer = setTimeout(enter, Math.min(delay, longestTimer)).unref();
    let cancel = () => clearTimeout(timer);
    return () => cancel();
  }

  /** How many snapshots somebody waits for. */
  get size(): number {
    return [...this.running].filter(({ waiters }) => waiters.size > 0).length + this.waiting.size;
  }

  private enter(topic: string, since: number, waiter: SnapshotWaiter): () => void {
    const joined = this.shared.get(topic);
    const run = joined?.serves(this.hub.head, since) ? joined : this.begin(topic, waiter);
    if (run instanceof PushError) {
      const refused = setImmediate(() => waiter.done(run));
      return () => clearImmediate(refused);
    }
    waiter.reader.budget?.spend(run === joined ? sharedUnits : loadUnits);
    run.waiters.add(waiter);
    return () => this.leave(run, waiter);
  }

  private begin(topic: string, { reader }: SnapshotWaiter): SnapshotRun | PushError {
    const { concurrency, waiting } = this.bounds;
    const free = concurrency - this.running.size;
    if (this.waiting.size >= waiting + free) return refusal(topic, 'has to wait for too many others');
    const run = new SnapshotRun(topic, this.methods!.of(topic)!, reader);
    if (run.method.shared) this.shared.set(topic, run);
    this.waiting.push(run);
    this.schedule();
    return run;
  }

  /** Nobody is answered before it has asked: runs begin in a later turn. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.next();
    });
  }

  private next(): void {
    while (this.running.size < this.bounds.concurrency) {
      const run = this.waiting.shift();
      if (!run) return;
      this.running.add(run);
      this.waiting.began(run);
      this.run(run).catch((error: unknown) => this.errors.report(error, { stage: 'snapshot' }));
    }
  }

  /** A run keeps its place until its method is done, or its time is over: so clients that leave make no more of them. */
  private async run(run: SnapshotRun): Promise<void> {
    try {
      run.settle(await this.resultOf(run));
    } finally {
      this.forget(run);
      this.running.delete(run);
      this.waiting.ended(run);
      this.schedule();
    }
  }

  private async resultOf(run: SnapshotRun): Promise<Snapshot | PushError> {
    const since = (run.position = this.hub.head!);
    try {
      return await callSnapshot(run, since, this.hub, this.bounds);
    } catch (error) {
      // Of those that were given up, some fail for that.
      if (run.waiters.size > 0) this.report(error, run);
      return error instanceof SnapshotFailure ? error.told : refusal(run.topic, 'could not be loaded');
    } finally {
      this.forget(run);
    }
  }

  private report(error: unknown, { connection }: SnapshotRun): void {
    this.errors.report(error, { stage: 'snapshot', ...(connection !== undefined && { connection }) });
  }

  private forget(run: SnapshotRun): void {
    if (this.shared.get(run.topic) === run) this.shared.delete(run.topic);
  }

  private leave(run: SnapshotRun, waiter: SnapshotWaiter): void {
    if (!run.waiters.delete(waiter) || run.waiters.size > 0) return;
    this.forget(run);
    if (!this.running.has(run)) this.waiting.delete(run);
    else run.controller.abort();
  }
}
