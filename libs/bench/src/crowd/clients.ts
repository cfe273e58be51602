import { setTimeout as delay } from 'node:timers/promises';
import { microseconds } from '../event.js';
import { Histogram } from '../generator/histogram.js';
import { answer } from '../remote.js';
import { Member, type MemberListener } from './member.js';

/* A process that is a part of the crowd. */

/** The part of the crowd that a process is. */
export interface Part {
  readonly ports: readonly number[];
  readonly count: number;
  /** Number of this part: each has addresses of its own. */
  readonly part: number;
  readonly rooms: number;
}

/** What the members of a part have seen. */
export interface Tally {
  readonly lost: number;
  readonly repeated: number;
  readonly gaps: number;
  /** How often one was told to go elsewhere. */
  readonly refused: number;
  /** Members without a stream. */
  readonly away: number;
  /** From publish to receipt, in microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** How many connections are made at a time. */
const concurrency = 128;

/** Milliseconds that a member waits that was told to go elsewhere. */
const patience = 500;

/**
 * Members of one address. Half of the 28,000 ports for outgoing connections of an address is what the kernel finds quickly, for each
 * server: above that it looks at every port, for every connection.
 */
const perAddress = 4_000;

const latencies = new Histogram();
let members: Member[] = [];
const waiting: Member[] = [];
let ports: readonly number[] = [];
let connecting = 0;
let away = 0;
let refused = 0;

const listener: MemberListener = {
  entered() {
    connecting--;
    away--;
    proceed();
  },
  away(member, { wasIn, wasRefused }) {
    if (wasIn) away++;
    else connecting--;
    if (wasRefused) refused++;
    // The members of one server spread over all others.
    member.node = (member.node + 1 + Math.floor(Math.random() * (ports.length - 1))) % ports.length;
    if (wasRefused) setTimeout(() => queue(member), patience);
    else queue(member);
  },
  received: (at) => latencies.add(microseconds() - at),
};

function queue(member: Member): void {
  waiting.push(member);
  proceed();
}

function proceed(): void {
  while (connecting < concurrency && waiting.length > 0) {
    const member = waiting.pop()!;
    connecting++;
    member.connect(ports[member.node]!);
  }
}

/** Resolves when every member has a stream. Returns when. */
async function allIn(): Promise<number> {
  while (away > 0) await delay(10);
  return microseconds();
}

answer({
  open: async (part: Part) => {
    ports = part.ports;
    away = part.count;
    for (let n = 0; n < part.count; n++) {
      const address = `127.${10 + part.part}.0.${1 + Math.floor(n / perAddress)}`;
      members.push(new Member(n % part.rooms, n % ports.length, address, listener));
    }
    waiting.push(...members);
    proceed();
    return allIn();
  },

  allIn,

  /** Forgets the latencies so far. */
  reset: () => latencies.reset(),

  tally: (): Tally => {
    const sum = (of: 'lost' | 'repeated' | 'gaps') => members.reduce((total, each) => total + each[of], 0);
    const [p50, p99] = [latencies.percentile(0.5), latencies.percentile(0.99)];
    return { lost: sum('lost'), repeated: sum('repeated'), gaps: sum('gaps'), refused, away, p50, p99 };
  },

  /** Resolves when every member has `count` events, or when the time is over. Returns how many events are missing, at all members together. */
  short: async ({ count, milliseconds }: { count: number; milliseconds: number }) => {
    const until = performance.now() + milliseconds;
    const missing = () => members.reduce((total, { next }) => total + count - next, 0);
    while (missing() > 0 && performance.now() < until) await delay(20);
    return missing();
  },

  close: () => {
    members.forEach((member) => member.leave());
    members = [];
  },
});
