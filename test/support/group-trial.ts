import { start, type Child } from './processes.js';
import { eventually } from './watched.js';

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

const line = /^handled (\S+) (\S+) (\d+) (\d+)$/gm;

/** Nodes of a group, each in a process of its own, and what they say that they have handled. */
export class GroupTrial {
  readonly nodes = new Map<string, Child>();
  private readonly all: Handled[] = [];
  /** Topics and numbers of what was handled. */
  private readonly keys = new Set<string>();
  /** How much of the output of each node was read. */
  private readonly readTo = new Map<string, number>();

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

  /** Resolves when so many different events were handled. */
  async untilHandled(count: number): Promise<void> {
    await eventually(() => {
      this.read();
      return this.keys.size >= count;
    });
  }

  /** Everything that was handled, in order of time. */
  handled(): readonly Handled[] {
    this.read();
    return this.all.sort((one, other) => (one.at < other.at ? -1 : 1));
  }

  /** What nodes have warned of. */
  warnings(): string[] {
    return [...this.nodes.values()].flatMap(({ output }) => output.match(/^.*Warning: .*$/gm) ?? []);
  }

  /** Reads what the nodes have said since the last time. */
  private read(): void {
    for (const [name, { output }] of this.nodes) {
      const end = output.lastIndexOf('\n') + 1;
      const lines = output.slice(this.readTo.get(name) ?? 0, end).matchAll(line);
      this.readTo.set(name, end);
      for (const [, node, topic, number, at] of lines) {
        this.all.push({ node: node!, topic: topic!, number: Number(number), at: BigInt(at!) });
        this.keys.add(`${topic} ${number}`);
      }
    }
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
}
