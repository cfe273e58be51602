import { setImmediate as turn } from 'node:timers/promises';
import { ControlMessages } from '../../src/bus/control-messages.js';
import { ErrorReporter } from '../../src/bus/error-reporter.js';
import { NodeTail } from '../../src/bus/node-tail.js';
import type { Backplane, History, HistoryPage, HistoryQuery } from '../../src/contracts/backplane.js';
import { Hub } from '../../src/hub/hub.js';
import { NodeLog, type NodeLogOptions } from '../../src/hub/replay/node-log.js';
import { MemoryLog } from '../../src/testing/memory-log.js';
import { RecordingClient } from './memory-node.js';

/** What a hub asks of the history that it has, and what becomes of it. */
class WatchedHistory implements History {
  readonly queries: HistoryQuery[] = [];
  /** How many reads fail from now on. */
  failures = 0;
  reading = 0;
  mostReading = 0;
  /** As long as it is set, nothing is answered. */
  held: Promise<void> | undefined;

  constructor(private readonly history: History) {}

  async page(query: HistoryQuery): Promise<HistoryPage> {
    this.queries.push(query);
    this.mostReading = Math.max(this.mostReading, ++this.reading);
    try {
      await this.held;
      if (this.failures-- > 0) throw new Error('The server is away.');
      return await this.history.page(query);
    } finally {
      this.reading--;
    }
  }
}

/** A hub that reads the log of a backplane. */
function startedHub(log: NodeLog, backplane: Backplane): Hub {
  const hub = new Hub(log);
  new NodeTail(hub, new ControlMessages(new ErrorReporter({}))).start(backplane);
  return hub;
}

/** A node that starts over a log which has a past. */
export class LateNode {
  readonly nodeLog: NodeLog;
  readonly hub: Hub;
  readonly history: WatchedHistory;
  readonly errors: unknown[] = [];

  constructor(
    readonly log: MemoryLog,
    options: Partial<NodeLogOptions> = {},
  ) {
    this.nodeLog = new NodeLog({
      rules: [],
      retention: { events: 1_000, age: Infinity },
      windowBytes: 64 * 1024 * 1024,
      emptyTopics: 1_000,
      onHistoryError: (error) => this.errors.push(error),
      ...options,
    });
    this.hub = startedHub(this.nodeLog, log.node());
    this.history = new WatchedHistory(log.history);
    this.nodeLog.readOlderFrom(this.history);
  }

  publish(topic: string, ...data: number[]): void {
    for (const each of data) this.log.append({ topic, data: String(each) });
  }

  id(sequence: number): string {
    return this.nodeLog.print(sequence);
  }

  connect(): RecordingClient {
    return new RecordingClient(this.hub);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await turn();
  }

  /** Everyone has everything. */
  live(): Promise<void> {
    return this.until(
      () => this.hub.stats().lagging === 0 && this.nodeLog.fanOut.delivered === this.nodeLog.window.head,
    );
  }
}

/** A log in which `publish` has put something before the node starts. */
export function restarted(
  publish: (log: MemoryLog) => void,
  options: Partial<NodeLogOptions> = {},
): LateNode {
  const log = new MemoryLog();
  const firstLog = new NodeLog({
    rules: [],
    retention: { events: 1_000, age: Infinity },
    windowBytes: 1_000_000,
    emptyTopics: 1_000,
    ...options,
  });
  const first = startedHub(firstLog, log.node());
  publish(log);
  first.close();
  return new LateNode(log, options);
}

/** So many numbers, one after the other. */
export const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);

/** Publishes numbers to a topic of a log. */
export const append = (log: MemoryLog, topic: string, data: readonly number[]) =>
  data.forEach((each) => log.append({ topic, data: String(each) }));
