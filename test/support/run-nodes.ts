import {
  EventBus,
  isGap,
  PushModule,
  Runs,
  type Backplane,
  type ErrorContext,
  type PushOptions,
  type StreamMessage,
} from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { MemoryLog } from 'nestjs-push/testing';
import { once } from 'node:events';
import { lastValueFrom, toArray } from 'rxjs';
import { startPostgres, urlOf } from './postgres.js';
import { startApp, type RunningApp } from './start-app.js';
import { startNats, startRedis, type ServerProcess } from './servers.js';
import { eventually } from './watched.js';

/** A log that nodes share, and what it runs on. */
export interface SharedRunLog {
  readonly name: string;
  /** Starts the server, if there is one. */
  start(): Promise<void>;
  /** The backplane of one more node, in a log that only this test has. */
  node(log: string): Backplane;
  stop(): Promise<void>;
}

function onServer(
  name: string,
  startServer: () => Promise<ServerProcess>,
  backplane: (port: number, log: string) => Backplane,
): SharedRunLog {
  let server: ServerProcess | undefined;
  return {
    name,
    start: async () => void (server = await startServer()),
    node: (log) => backplane(server!.port, log),
    stop: async () => server?.dispose(),
  };
}

function inMemory(): SharedRunLog {
  const logs = new Map<string, MemoryLog>();
  const logOf = (name: string) => {
    const log = logs.get(name) ?? new MemoryLog();
    logs.set(name, log);
    return log;
  };
  return {
    name: 'memory',
    start: () => Promise.resolve(),
    node: (log) => logOf(log).node(),
    stop: () => Promise.resolve(),
  };
}

/** The logs that runs are tested on. */
export const runLogs: readonly SharedRunLog[] = [
  inMemory(),
  onServer('Redis', startRedis, (port, log) =>
    redisBackplane({ url: `redis://127.0.0.1:${port}`, prefix: log }),
  ),
  onServer('NATS', startNats, (port, log) => natsBackplane({ servers: `127.0.0.1:${port}`, stream: log })),
  onServer(
    'Postgres',
    () => startPostgres(),
    (port, log) => postgresBackplane({ url: urlOf(port), schema: log.replaceAll('-', '') }),
  ),
];

/** A node of an application with runs. */
export class RunNode {
  /** What was reported, as "run: message". */
  readonly errors: string[] = [];

  private constructor(readonly app: RunningApp) {}

  static async start(backplane: Backplane, options: PushOptions = {}): Promise<RunNode> {
    const errors: string[] = [];
    const onError = (error: unknown, { stage }: ErrorContext) =>
      void errors.push(`${stage}: ${(error as Error).message}`);
    const topics = [{ pattern: 'runs.*', access: 'public' as const, finite: true }];
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ backplane, topics, onError, ...options })],
    });
    const node = Object.assign(new RunNode(app), { errors });
    await eventually(async () => (await node.bus.health()).ready);
    return node;
  }

  get runs(): Runs {
    return this.app.nest.get(Runs);
  }

  get bus(): EventBus {
    return this.app.bus;
  }

  /** What is there of a topic, from the beginning: the data of its events, and why it has ended. Resolves at its end. */
  async read(
    topic: string,
    from: 'earliest' | 'last' = 'earliest',
  ): Promise<{ data: unknown[]; reason: unknown }> {
    const messages = await lastValueFrom(this.bus.stream(topic, { from }).pipe(toArray()));
    const end = messages.find(({ type }) => type === 'push.ended');
    // That a topic was forgotten is an event too.
    const isData = (message: StreamMessage) =>
      message !== end && !isGap(message) && !('meta' in message && message.meta?.removed);
    const data = messages.filter(isData).map((message) => message.data);
    return { data, reason: (end?.data as { reason?: string } | undefined)?.reason };
  }
}

/** Resolves when a gate is opened. */
export class Gate {
  private pass!: () => void;
  readonly opened = new Promise<void>((resolve) => (this.pass = resolve));

  open(): void {
    this.pass();
  }
}

/** Words, as a model brings them. */
export async function* words(...all: string[]) {
  for (const word of all) {
    await Promise.resolve();
    yield word;
  }
}

/** Brings a word, and then nothing until it is aborted. */
export async function* endless(signal: AbortSignal, onAbort: () => void = () => undefined) {
  yield 'begun ';
  if (!signal.aborted) await once(signal, 'abort');
  onAbort();
}
