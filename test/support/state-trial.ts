import {
  covers,
  parsePosition,
  PushError,
  PushModule,
  type Backplane,
  type LogEvent,
  type RetentionRules,
  type StateRetention,
  type TopicOptions,
} from 'nestjs-push';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import assert from 'node:assert/strict';
import { afterTest } from './cleanup.js';
import { FoldingClient, marks, type Numbered, type Told } from './folding-client.js';
import { startApp, type RunningApp } from './start-app.js';
import { eventually } from './watched.js';

const retention = { events: 20, age: 3_600_000 };
const forgotten: StateRetention = { pattern: 'brief.*', tombstones: 1 };
const lasting: StateRetention = { pattern: 'long.*', tombstones: 3_600_000 };
const timed: StateRetention = { pattern: 'timed.*', tombstones: 3_600_000, ttl: 40 };
const states = [forgotten, lasting, timed];
const few = { events: 4 };

const topics: readonly TopicOptions[] = [
  ...states.map((rule) => ({ ...rule, state: true, access: 'public' as const })),
  { pattern: 'plain.*', retention: few, access: 'public' },
  { pattern: marks, access: 'public' },
];

/** The same, for the witness. */
const rules: RetentionRules = {
  of: (topic) => {
    const state = states.find(({ pattern }) => covers(pattern, topic));
    if (state) return { events: 1, age: Infinity, state };
    return topic === marks ? retention : { ...retention, ...few };
  },
  largest: retention,
  state: { rules: states, among: () => 'some', bytes: Infinity },
};

/** In bytes: it has room for one large event, or for some dozens of small ones. */
const windowBytes = 300_000;
const large = 'x'.repeat(200_000);

/** So many large events are more than the kernel takes for a client that reads nothing. */
const flood = 60;

/** For what hangs, in milliseconds. */
const patience = 30_000;

/** How a state is written: with which expectation. */
export type Expectation = 'nothing' | 'newest' | 'older' | 'none';

interface Accepted {
  readonly id: string;
  readonly topic: string;
  readonly expect: string;
}

/**
 * Two nodes over one log, a witness that records all of the log, and clients. Topics that begin with `brief.`, `long.` and
 * `timed.` are state topics: removals of the first are forgotten at once, and states of the last expire.
 */
export class StateTrial {
  readonly clients: FoldingClient[] = [];
  private writes: Promise<void>[] = [];
  private readonly accepted: Accepted[] = [];
  private count = 0;

  private constructor(
    private readonly nodes: readonly RunningApp[],
    private readonly witness: RecordedNode,
  ) {}

  static async start(backplane: () => Backplane): Promise<StateTrial> {
    const witness = await startRecording(backplane(), rules);
    afterTest(() => witness.backplane.close());
    const options = { topics, retention: { ...retention, bytes: windowBytes } };
    const nodes = await Promise.all(
      [0, 1].map(async () => {
        const app = await startApp('express', {
          imports: [PushModule.forRoot({ ...options, backplane: backplane() })],
        });
        await eventually(async () => (await app.bus.health()).ready);
        return app;
      }),
    );
    return new StateTrial(nodes, witness);
  }

  add(client: FoldingClient, node: number): void {
    this.clients.push(client);
    client.head = () => {
      const { bus } = this.nodes.find(({ port }) => port === client.port)!;
      return parsePosition(bus.stats().positions.head)!.sequence;
    };
    afterTest(() => client.drop());
    client.connect(this.nodes[node]!.port);
  }

  comeBack(client: FoldingClient, node: number): void {
    if (!client.isConnected) client.connect(this.nodes[node]!.port);
  }

  /** Begins to publish or to remove, as the process of a node does it. */
  write(node: number, topic: string, how: { expect: Expectation; isLarge: boolean; removes: boolean }): void {
    const { bus } = this.nodes[node]!;
    const expect = this.idOf(topic, how.expect);
    const data: Numbered = { n: ++this.count, ...(how.isLarge && { padding: large }) };
    const stored = how.removes ? bus.remove(topic, { expect }) : bus.publish(topic, data, { expect });
    const note = (id: string) => void (expect !== undefined && this.accepted.push({ id, topic, expect }));
    this.writes.push(
      stored.then(note, (error: unknown) => {
        if (!(error instanceof PushError) || error.code !== 'CONFLICT' || expect === undefined) throw error;
      }),
    );
  }

  /** Stops a client, and publishes to one of its topics until its node has waited for it for some events. */
  async flood(client: FoldingClient, topic: string): Promise<void> {
    client.stop();
    if (!client.isConnected) return;
    const { bus } = this.nodes.find(({ port }) => port === client.port)!;
    for (let waited = 0, n = 0; waited < 8 && n < flood; n++) {
      await bus.publish(topic, { n: ++this.count, padding: large });
      if (bus.stats().lagging > 0) waited++;
    }
  }

  /** Waits until everything is stored, and whoever reads has it. */
  async settle(): Promise<void> {
    await this.rest();
    const mark = ++this.count;
    await this.nodes[0]!.bus.publish(marks, { n: mark });
    const reading = this.clients.filter(({ isStopped, isConnected }) => isConnected && !isStopped);
    await this.until('everybody has the mark', () =>
      Promise.all(
        reading.map((client) => client.until(() => client.mark >= mark || client.problems.length > 0)),
      ),
    );
    assert.deepEqual(
      reading.flatMap(({ problems }) => problems),
      [],
    );
  }

  /** A client is away while a state that it may know is removed, until the log has forgotten that. */
  async miss(client: FoldingClient, topic: string): Promise<void> {
    this.write(0, topic, { expect: 'nothing', isLarge: false, removes: false });
    await this.settle();
    client.drop();
    const { sequence: after } = (await this.witness.backplane.head!())!;
    await this.nodes[0]!.bus.remove(topic);
    const { sequence: through } = (await this.witness.backplane.head!())!;
    const query = { topics: [topic], after, through, limit: 1_000 };
    await this.until('a removal is forgotten', async () => {
      while ((await this.witness.backplane.history!.page(query)).lost.size === 0);
    });
    // The windows of the nodes have no room for it any more either.
    for (let n = 0; n < 3; n++)
      this.write(0, 'plain.1', { expect: 'nothing', isLarge: true, removes: false });
  }

  /** Lets everybody read to the end, and compares. */
  async finish(): Promise<void> {
    for (const [index, client] of this.clients.entries()) {
      client.go();
      this.comeBack(client, index % 2);
    }
    await this.rest();
    await this.until('states expire', () =>
      this.witness.tail.until(
        () => ![...this.fold().keys()].some((topic) => covers(timed.pattern, topic)),
        patience,
      ),
    );
    for (const [node] of this.nodes.entries())
      for (const transport of ['websocket', 'sse'] as const)
        for (const from of ['earliest', 'last']) {
          const patterns = [...states.map(({ pattern }) => pattern), marks];
          this.add(new FoldingClient(transport, patterns, from), node);
        }
    await this.settle();
    for (const client of this.clients) this.compare(client);
    this.checkExpectations();
  }

  /** What happened, for people. */
  describe(): string {
    const log = this.events.map(({ sequence, topic, data, meta }) => {
      const what = meta?.removed ? 'removed' : (JSON.parse(data) as Numbered).n;
      return `${sequence} ${topic} ${what}`;
    });
    return [...this.clients.map((client) => client.describe()), `log: ${log.join(', ')}`].join('\n');
  }

  private get events(): readonly LogEvent[] {
    return this.witness.tail.events;
  }

  /** The state of all topics, as the log says. */
  private fold(): Map<string, number> {
    const state = new Map<string, number>();
    for (const { topic, data, meta } of this.events) {
      if (meta?.removed) state.delete(topic);
      else if (states.some(({ pattern }) => covers(pattern, topic)))
        state.set(topic, (JSON.parse(data) as Numbered).n);
    }
    return state;
  }

  /** Waits until everything is stored, and read by the witness. */
  private async rest(): Promise<void> {
    const { writes } = this;
    this.writes = [];
    await Promise.all(writes);
    const head = (await this.witness.backplane.head!())!;
    await this.witness.tail.until((tail) => tail.sequence >= head.sequence, patience);
  }

  private idOf(topic: string, expectation: Expectation): string | undefined {
    const own = this.events.filter((event) => event.topic === topic);
    if (expectation === 'newest') return own.at(-1)?.id ?? 'none';
    if (expectation === 'older') return own[0]?.id ?? this.events[0]?.id ?? 'none';
    return expectation === 'none' ? 'none' : undefined;
  }

  private compare(client: FoldingClient): void {
    const isWanted = (topic: string) => client.patterns.some((pattern) => covers(pattern, topic));
    const wanted = [...this.fold()].filter(([topic]) => isWanted(topic));
    assert.deepEqual([...client.state].sort(), wanted.sort(), client.describe());
    for (const [topic, told] of client.plain) this.checkPlain(client, topic, told);
    for (const { topics: told, before } of client.resets) this.checkReset(client, told, before);
  }

  /** Everything of a plain topic came once and in order, or its loss was told; and its end came: that is retained. */
  private checkPlain(client: FoldingClient, topic: string, told: readonly Told[]): void {
    const own = this.events.filter((event) => event.topic === topic);
    const sequences = new Map(own.map(({ data, sequence }) => [(JSON.parse(data) as Numbered).n, sequence]));
    let last: number | undefined;
    /** Up to here events may be missing. */
    let excused = 0;
    for (const each of told) {
      if ('gap' in each) {
        excused = Math.max(excused, each.gap);
        continue;
      }
      const sequence = sequences.get(each.n)!;
      assert.ok(sequence > (last ?? 0), `${client.describe()}: ${each.n} of ${topic} comes once, in order`);
      const after = Math.max(excused, last ?? sequence);
      const skipped = own.filter((event) => event.sequence > after && event.sequence < sequence);
      assert.deepEqual(
        skipped.map(({ id }) => id),
        [],
        `${client.describe()}: is told what it does not get`,
      );
      last = sequence;
    }
    if (last !== undefined)
      assert.equal(last, own.at(-1)!.sequence, `${client.describe()}: has the end of ${topic}`);
  }

  /** Only a removal that the client has not read can be a reason to forget everything. */
  private checkReset(client: FoldingClient, told: readonly string[], before: string | undefined): void {
    const after = before === undefined ? 0 : parsePosition(before)!.sequence;
    const [rule] = told.map((pattern) => pattern.split('.')[0]!);
    const reason = this.events.find(
      ({ topic, sequence, meta }) => meta?.removed && sequence > after && topic.startsWith(`${rule}.`),
    );
    assert.ok(reason, `${client.describe()}: was reset for nothing at ${before}`);
  }

  /** What was accepted with an expectation follows what it expected. */
  private checkExpectations(): void {
    for (const { id, topic, expect } of this.accepted) {
      const own = this.events.filter((event) => event.topic === topic);
      const before = own[own.findIndex((event) => event.id === id) - 1];
      const isNone = before === undefined || before.meta?.removed === true;
      assert.ok(
        expect === 'none' ? isNone : before?.id === expect,
        `${id} expects ${expect}, not ${before?.id}`,
      );
    }
  }

  private async until(what: string, happens: () => Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Not in ${patience} ms: ${what}.`)), patience);
    });
    await Promise.race([happens(), late]).finally(() => clearTimeout(timer));
  }
}
