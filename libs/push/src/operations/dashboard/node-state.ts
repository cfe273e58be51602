import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { PushLifecycle } from '../../clients/lifecycle.js';
import type { Readings } from '../../clients/readings.js';
import type { Health } from '../../contracts/backplane.js';
import { EventLoopDelay } from '../event-loop-delay.js';
import { lagOf } from '../lag.js';
import { observe } from '../observed.js';
import { figuresOf, type Figures } from './figures.js';
import { packageFolder, versionIn, versionOf } from './package-files.js';
import { PastFigures, sampleInterval, type Past } from './past.js';

/** How often the delay of the event loop is measured, in milliseconds. */
const delayResolution = 20;

/** How old a good answer to a health check may be, in milliseconds: each check writes to the log. */
const healthPatience = 10_000;

/** What a node says of itself. */
export interface NodeReport {
  readonly node: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string | undefined;
  readonly runtime: string;
  readonly nest: string | undefined;
  readonly started: number;
  readonly at: number;
  readonly health: Health | null;
  readonly draining: boolean;
  readonly head: string;
  readonly lag: number | null;
  readonly figures: Figures;
}

/** This node, as the dashboard shows it: its name, its numbers now and in the last ten minutes, its health. */
export class NodeState {
  /** Names this application in this process, while it lives. */
  readonly id = randomBytes(9).toString('base64url');
  private readonly identity = {
    node: this.id,
    host: hostname(),
    pid: process.pid,
    version: versionIn(join(packageFolder(), 'package.json')),
    runtime: process.version,
    nest: versionOf('@nestjs/core'),
    started: Date.now(),
  };
  private readonly past = new PastFigures();
  private readonly delay = new EventLoopDelay(delayResolution);
  private timer: NodeJS.Timeout | undefined;
  private lag: number | undefined;
  private loopDelay: ReturnType<EventLoopDelay['read']>;
  private health: Health | null = null;
  private checkedAt = -Infinity;
  private isChecking = false;
  private isLeaving = false;

  constructor(
    private readonly readings: Readings,
    private readonly lifecycle: PushLifecycle,
  ) {}

  /** Begins to note its figures. */
  start(): void {
    this.sample();
    this.timer = setInterval(() => this.sample(), sampleInterval).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.delay.stop();
  }

  /** The application is being closed. */
  leave(): void {
    this.isLeaving = true;
  }

  /** The figures of the last ten minutes. */
  readPast(): Past & { readonly node: string } {
    return { node: this.id, ...this.past.read() };
  }

  /** What it is now. Its lag and its health are those that were found last: nothing waits for a server. */
  read(): NodeReport {
    this.askServer();
    this.checkHealth();
    return {
      ...this.identity,
      at: Date.now(),
      health: this.health,
      draining: this.isLeaving || this.lifecycle.isDraining,
      head: this.readings.hub.position ?? '',
      lag: this.lag ?? null,
      figures: this.figures(),
    };
  }

  private sample(): void {
    this.askServer();
    this.loopDelay = this.delay.read();
    this.past.add(Date.now(), this.figures());
  }

  private figures(): Figures {
    return figuresOf(observe(this.readings, this.loopDelay), this.lag);
  }

  private askServer(): void {
    const { backplane, hub } = this.readings;
    // It never rejects, and takes a second at most.
    lagOf(backplane, hub).then(
      (lag) => (this.lag = lag),
      () => undefined,
    );
  }

  private checkHealth(): void {
    const isGood = this.health?.ready ?? false;
    const isKnown = isGood && performance.now() - this.checkedAt < healthPatience;
    const isAway = this.readings.backplane.stats?.().isAway ?? false;
    if (this.isChecking || (isKnown && !isAway)) return;
    this.askHealth().catch(() => undefined);
  }

  private async askHealth(): Promise<void> {
    this.isChecking = true;
    try {
      this.health = await this.readings.backplane.health();
    } catch (error) {
      this.health = { ready: false, detail: String(error) };
    }
    this.isChecking = false;
    this.checkedAt = performance.now();
  }
}
