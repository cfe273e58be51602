import { afterTest } from './support/cleanup.js';
import { startPostgres } from './support/postgres.js';
import { start, type Child } from './support/processes.js';
import { random } from './support/random.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { Visitor } from './support/visitor.js';

const grace = 5_000;
const rooms = Array.from({ length: 10 }, (_, n) => `rooms.${n}`);
const visitorsAtOnce = 500;

/** Longer than any view may be wrong, on a machine that is busy with other things, in milliseconds. */
const patience = 90_000;

/** The views of nodes are compared with what is true so often, in milliseconds. */
const lookInterval = 250;

const seed = Number(process.env.PRESENCE_SEED ?? 20_261_129);

/** Numbers from 0 to 1. */
function chances(from: number): () => number {
  const below = random(from);
  return () => below(1_000_000) / 1_000_000;
}

interface View {
  readonly users: readonly (readonly [room: string, users: readonly string[]])[];
  readonly changes: readonly (readonly [room: string, user: string, type: string])[];
}

class Node {
  private child!: Child;
  port: number | undefined;

  constructor(private readonly settings: object) {}

  get isRunning(): boolean {
    return this.port !== undefined;
  }

  async start(): Promise<void> {
    this.child = start(process.execPath, ['test/support/presence-node.mjs', JSON.stringify(this.settings)]);
    await this.child.untilOutput('port ');
    this.port = Number(/port (\d+)/.exec(this.child.output)![1]);
  }

  async kill(): Promise<void> {
    this.port = undefined;
    await this.child.kill();
  }

  async view(): Promise<View> {
    const from = this.child.output.length;
    this.child.process.stdin!.write('view\n');
    const answer = () => /view (.*)\n/.exec(this.child.output.slice(from));
    await this.child.until(() => {
      if (this.child.exit) throw new Error(`A node has ended: ${this.child.output.slice(-2_000)}`);
      return answer() !== null;
    });
    return JSON.parse(answer()![1]!) as View;
  }
}

/** Three nodes, their server, and all who come and go. */
class House {
  readonly nodes: Node[];
  readonly visitors: Visitor[] = [];
  private count = 0;

  constructor(
    kind: string,
    readonly server: ServerProcess,
    readonly random: () => number,
  ) {
    this.nodes = Array.from({ length: 3 }, () => new Node({ kind, port: server.port, rooms, grace }));
    afterTest(() => this.visitors.forEach((visitor) => visitor.end()));
  }

  any<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  get staying(): Visitor[] {
    return this.visitors.filter(({ isStaying }) => isStaying);
  }

  /** New visitors come until there are enough. */
  fill(): void {
    for (let missing = visitorsAtOnce - this.staying.length; missing > 0; missing--) {
      const route = () => this.any(this.nodes.filter(({ isRunning }) => isRunning))?.port;
      this.visitors.push(new Visitor(`user-${this.count++}`, this.any(rooms), route));
    }
  }

  /** Some do something. @param mayReload whether some come back at once */
  stir(some: number, mayReload = true): void {
    for (let count = 0; count < some; count++) {
      const visitor = this.any(this.staying);
      const chance = this.random();
      if (chance < 0.5) {
        if (mayReload) visitor.reload();
      } else if (chance < 0.65) visitor.leave();
      else if (chance < 0.8) visitor.vanish();
      else visitor.move(this.any(rooms));
    }
    this.fill();
  }

  /** Resolves once the view of every node is who is really there. Returns the views, and says how long that took. */
  async settled(what: string): Promise<View[]> {
    const since = performance.now();
    for (;;) {
      const before = this.truth();
      const views = await Promise.all(
        this.nodes.filter(({ isRunning }) => isRunning).map((node) => node.view()),
      );
      const isTrue = views.every(({ users }) => shown(users) === before);
      if (isTrue && before === this.truth() && this.staying.every(({ isThere }) => isThere)) {
        console.log(`${what}: true on all nodes after ${Math.round(performance.now() - since)} ms`);
        return views;
      }
      if (performance.now() - since > patience) throw new Error(`${what}: ${this.difference(views)}`);
      await new Promise((resolve) => setTimeout(resolve, lookInterval));
    }
  }

  /** For people: what is not true, of which node. */
  private difference(views: readonly View[]): string {
    const there = new Set(this.staying.map(({ room, name }) => `${room} ${name}`));
    const absent = this.staying.filter(({ isThere }) => !isThere).map(({ name }) => name);
    const wrong = views.map(({ users }) => {
      const seen = new Set(users.flatMap(([room, names]) => names.map((name) => `${room} ${name}`)));
      const missing = [...there].filter((each) => !seen.has(each));
      return { missing, tooMany: [...seen].filter((each) => !there.has(each)) };
    });
    return JSON.stringify({ absent, wrong });
  }

  private truth(): string {
    return shown(
      rooms.map((room) => [room, this.staying.filter((each) => each.room === room).map(({ name }) => name)]),
    );
  }
}

/** Who is in each room, to compare. */
function shown(users: View['users']): string {
  return JSON.stringify(users.map(([room, names]) => [room, [...names].sort()]));
}

const kinds: [kind: string, startServer: () => Promise<ServerProcess>][] = [
  ['Redis', () => startRedis('aof')],
  ['NATS', () => startNats()],
  ['Postgres', () => startPostgres()],
];

describe.each(kinds)('Presence of 500 clients over three nodes on %s', (kind, startServer) => {
  it('is true on every node, whatever is killed, and nobody who comes back has left', async () => {
    const house = new House(kind, await startServer(), chances(seed));
    afterTest(() => house.server.dispose());
    const { nodes } = house;
    await Promise.all(nodes.map((node) => node.start()));
    house.fill();
    await house.settled('all have come');

    for (let round = 0; round < 3; round++) house.stir(60);
    let views = await house.settled('some went, vanished, moved, reloaded');
    for (const view of views) expectOrder(view, house);

    await nodes[0]!.kill();
    house.stir(30);
    views = await house.settled('a node was killed');
    for (const view of views) expectOrder(view, house);

    await nodes[0]!.start();
    await house.server.kill();
    // Who reloads while nothing can be stored may be gone for a moment, once it can.
    house.stir(30, false);
    await house.server.start();
    await house.settled('the server was killed');

    await Promise.all(nodes.map((node) => node.kill()));
    for (const visitor of house.staying) if (house.random() < 0.5) visitor.leave();
    await Promise.all(nodes.map((node) => node.start()));
    await house.settled('all nodes were killed, and half of the clients came back');
  }, 600_000);
});

/** Joins and leaves of a user alternate, and one that was never away for long, and has not moved, has neither. */
function expectOrder({ changes }: View, { visitors }: House): void {
  const last = new Map<string, string>();
  for (const [room, user, type] of changes) {
    const key = `${room} ${user}`;
    expect([key, last.get(key)]).not.toEqual([key, type]);
    last.set(key, type);
  }
  const left = new Set(
    changes.filter(([, , type]) => type === 'leave').map(([room, user]) => `${room} ${user}`),
  );
  const faithful = visitors.filter(
    ({ isStaying, hasMoved, longestAbsence }) => isStaying && !hasMoved && longestAbsence < grace / 2,
  );
  expect(faithful.length).toBeGreaterThan(100);
  expect(faithful.filter(({ room, name }) => left.has(`${room} ${name}`)).map(({ name }) => name)).toEqual(
    [],
  );
}
