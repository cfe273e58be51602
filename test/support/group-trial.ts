import { start, type Child } from './processes.js';

/** An event that a node has handled. */
interface Handled {
  readonly node: string;
  readonly topic: string;
  readonly number: number;
  /** On a clock that all processes share, in nanoseconds. */
  readonly at: bigint;
}

/** What the handler does with an event the first time. */
export interface Order {
  readonly number: number;
  readonly does?: 'throw' | 'hang' | `die ${string}`;
}

/** Nodes of a group, each in a process of its own, and what they say that they have handled. */
export class GroupTrial {
  readonly nodes = new Map<string, Child>();

  constructor(
    private readonly kind: string,
    private readonly port: number,
  ) {}

  /** Starts nodes that are killed after the test. */
  async start(...names: string[]): Promise<void> {
    for (const node of names) {
      const settings = JSON.stringify({ kind: this.kind, port: this.port, node });
      this.nodes.set(node, start(process.execPath, ['test/support/group-node.mjs', settings]));
    }
    await Promise.all(names.map((node) => this.nodes.get(node)!.untilOutput('ready\n')));
  }

  /** Lets a node shut down. */
  async stop(node: string): Promise<void> {
    const child = this.nodes.get(node)!;
    child.process.kill('SIGTERM');
    await child.untilExit();
  }

  /** Everything that was handled, in order of time. */
  handled(): Handled[] {
    const all: Handled[] = [];
    for (const { output } of this.nodes.values())
      for (const [, node, topic, number, at] of output.matchAll(/^handled (\S+) (\S+) (\d+) (\d+)\n/gm))
        all.push({ node: node!, topic: topic!, number: Number(number), at: BigInt(at!) });
    return all.sort((one, other) => (one.at < other.at ? -1 : 1));
  }

  /** What is wrong: events that are missing, came too early, or came twice without a reason. @param dead the node that died */
  faults(topics: ReadonlyMap<string, number>, dead: string | undefined): string[] {
    const faults: string[] = [];
    const next = new Map<string, number>();
    const firsts = new Map<string, string>();
    for (const { node, topic, number } of this.handled()) {
      const key = `${topic} ${number}`;
      const first = firsts.get(key);
      if (first !== undefined && first !== dead) faults.push(`${key} twice: on ${first} and ${node}`);
      if (first !== undefined) continue;
      firsts.set(key, node);
      const expected = next.get(topic) ?? 0;
      if (number !== expected) faults.push(`${key} on ${node} before ${expected}`);
      next.set(topic, number + 1);
    }
    for (const [topic, count] of topics)
      if (next.get(topic) !== count) faults.push(`${topic} has come to ${next.get(topic)} of ${count}`);
    return faults;
  }

  /** How many different events were handled. */
  get count(): number {
    return new Set(this.handled().map(({ topic, number }) => `${topic} ${number}`)).size;
  }
}
