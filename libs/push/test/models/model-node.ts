import { Hub } from '../../src/hub/hub.js';
import { NodeLog } from '../../src/hub/replay/node-log.js';
import { Log, rules, SlowHistory, type Keeping } from './model-log.js';
import { delivered } from './resuming-client.js';

/** A node and the log that it follows, which may be replaced, and may be ahead of it. */
export class ModelNode {
  readonly hub: Hub;
  readonly nodeLog: NodeLog;
  /** The log as it is. */
  log!: Log;
  /** The one that the node has been told of. */
  shown!: Log;
  readonly history: SlowHistory | undefined;
  private epochs = 0;
  /** What went wrong where nobody waits: the hub calls from a turn of its own. */
  failure: unknown;

  constructor(private readonly keeping: Keeping) {
    const retention = { events: 1_000, age: Infinity };
    const onHistoryError = (error: unknown) => (this.failure ??= error);
    this.nodeLog = new NodeLog({ rules, retention, ...keeping, onHistoryError });
    this.hub = new Hub(this.nodeLog);
    this.replace();
    if (keeping.isLate) {
      this.nodeLog.verifyAgainst(() =>
        Promise.resolve({ epoch: this.log.epoch, sequence: this.log.events.length }),
      );
    }
    if (this.log.history) {
      this.history = new SlowHistory(this.log.history);
      this.nodeLog.readOlderFrom(this.history);
    }
  }

  /** Another log takes the place of the one that there is, if any. */
  replace(): void {
    const isStalled = this.log?.isStalled ?? false;
    this.log = new Log(`log${++this.epochs}`, this.hub, this.nodeLog, this.keeping);
    if (this.history) this.history.now = this.log.history!;
    if (isStalled) this.log.stall();
    else this.show();
  }

  /** The node comes to where the log is. */
  follow(): void {
    if (this.shown !== this.log) this.show();
    this.log.follow();
  }

  private show(): void {
    this.shown = this.log;
    this.log.open();
  }

  async settle(): Promise<void> {
    await delivered(this.nodeLog);
    if (this.failure) throw this.failure;
  }

  /** Whether somebody has not read all that there is. */
  get isReading(): boolean {
    return this.history?.isAsked || this.hub.stats().lagging > 0 || (this.nodeLog.unverified?.size ?? 0) > 0;
  }
}
