import { setImmediate as turn } from 'node:timers/promises';
import { MemoryBackplane } from '../../src/backplane/memory/memory.backplane.js';
import { ControlMessages } from '../../src/bus/control-messages.js';
import { ErrorReporter } from '../../src/bus/error-reporter.js';
import { NodeTail } from '../../src/bus/node-tail.js';
import { Hub } from '../../src/hub/hub.js';
import { NodeLog, type NodeLogOptions } from '../../src/hub/replay/node-log.js';
import { RecordingConnection, storyOf } from './recording-connection.js';

/** A connection in memory, with its cursor. */
export class RecordingClient extends RecordingConnection {
  readonly cursor;
  /** What else happened: after how many writes, and what. */
  readonly notes: [number, string][] = [];

  constructor(hub: Hub) {
    super();
    this.cursor = hub.join(this);
  }

  /** The story, and what else happened in between. */
  get notedStory(): string[] {
    const lines = this.writes.map((write) => storyOf(write));
    const notedAfter = (count: number) =>
      this.notes.flatMap(([after, text]) => (after === count ? text : []));
    return [...notedAfter(0), ...lines.flatMap((line, index) => [...line, ...notedAfter(index + 1)])];
  }

  /** Makes room for so many writes, and lets the hub know. */
  drain(room = Infinity): void {
    this.room = room;
    this.cursor.drained();
  }
}

/** A hub on a memory backplane: a node without transports. */
export class MemoryNode {
  /** What its cursors read. */
  readonly log: NodeLog;
  readonly hub: Hub;
  private backplane = new MemoryBackplane();

  constructor(options: Partial<NodeLogOptions> = {}) {
    this.log = new NodeLog({
      rules: [],
      retention: { events: 100, age: Infinity },
      windowBytes: 64 * 1024 * 1024,
      emptyTopics: 1_000,
      ...options,
    });
    this.hub = new Hub(this.log);
    this.start();
  }

  connect(): RecordingClient {
    return new RecordingClient(this.hub);
  }

  /** Publishes numbers to a topic, all in this turn. */
  publish(topic: string, ...data: number[]): void {
    for (const each of data) void this.backplane.append({ topic, data: String(each) });
  }

  publishText(topic: string, text: string): void {
    void this.backplane.append({ topic, data: JSON.stringify(text) });
  }

  publishExcept(connection: string, topic: string, data: number): void {
    void this.backplane.append({ topic, data: String(data), except: connection });
  }

  publishAs(publisher: string, topic: string, data: number): void {
    void this.backplane.append({ topic, data: String(data), publisher });
  }

  pass(topic: string, ...data: number[]): void {
    for (const each of data) void this.backplane.sendEphemeral({ topic, data: String(each) });
  }

  /** The id of the event with this sequence. */
  id(sequence: number): string {
    return this.log.print(sequence);
  }

  /** Begins another log, as a replaced server does. */
  replaceLog(): void {
    this.backplane = new MemoryBackplane();
    this.start();
  }

  /** Waits until everything that was published is delivered. */
  async delivered(): Promise<void> {
    do await turn();
    while (this.log.fanOut.delivered < this.log.window.head);
  }

  private start(): void {
    new NodeTail(this.hub, new ControlMessages(new ErrorReporter({}))).start(this.backplane);
  }
}
