/*
 * One node of an application that runs in many processes: a Nest application with a backplane, which publishes while it is
 * told to. Says "port <n>" once it listens; what it publishes is written to its standard output as
 * "stored <json array of [publisher, number, id, topic]>".
 *
 * node push-node.mjs '{"backplane":"Redis","port":6379,"name":"a","clock":0,"options":{…}}'
 */
const { backplane, port, name, clock = 0, options = {} } = JSON.parse(process.argv[2]);

// A wrong clock is wrong before anything reads it.
const RightDate = Date;
globalThis.Date = class extends RightDate {
  constructor(...args) {
    super(...(args.length > 0 ? args : [RightDate.now() + clock]));
  }
  static now() {
    return RightDate.now() + clock;
  }
};

await import('reflect-metadata');
const { Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { Backplane, EventBus, PushModule } = await import('nestjs-push');
const { createInterface } = await import('node:readline');
const { setTimeout: delay } = await import('node:timers/promises');
const { backplaneAt } = await import('./node-backplanes.mjs');

/** How many publishers await their events side by side, and how long each rests after one, in milliseconds. */
const publishers = 4;
const rest = 50;

class NodeModule {}
Module({
  imports: [
    PushModule.forRoot({
      backplane: backplaneAt(backplane, port, options),
      topics: [{ pattern: '>', access: 'public' }],
      retention: { events: 20_000, age: 3_600_000 },
      heartbeat: 1_000,
      retry: 200,
    }),
  ],
})(NodeModule);

const app = await NestFactory.create(NodeModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
// Clients are not to come before the node is in the log.
while (!(await app.get(Backplane).health()).ready) await delay(50);
const bus = app.get(EventBus);

let isPublishing = false;
let stored = [];

/** What an application does that must not lose an event: it tries again, with the same message id. */
async function store(topic, publisher, n) {
  for (;;) {
    try {
      const id = await bus.publish(topic, [publisher, n], { messageId: `${publisher}-${n}` });
      stored.push([publisher, n, id, topic]);
      return;
    } catch (error) {
      if (!error.retryable) throw error;
      await delay(rest);
    }
  }
}

const counts = Array.from({ length: publishers }, () => 0);
let running = [];

async function publish(index) {
  while (isPublishing) {
    const n = counts[index]++;
    await store(`t.${name}.${n % 7}`, `${name}-${index}`, n);
    await delay(rest * (0.5 + Math.random()));
  }
}

function report() {
  if (stored.length > 0) process.stdout.write(`stored ${JSON.stringify(stored)}\n`);
  stored = [];
}

const commands = {
  publish: () => {
    isPublishing = true;
    running = counts.map((_, index) => publish(index));
  },
  /** Answers "resting" when nothing of this node is on its way any more. */
  rest: async () => {
    isPublishing = false;
    await Promise.all(running);
    report();
    process.stdout.write('resting\n');
  },
  mark: ({ mark }) => store('t.mark.1', mark, 0),
  burst: ({ burst, count }) =>
    Promise.all(Array.from({ length: count }, (_, n) => store(`t.${name}.1`, burst, n))),
};

setInterval(report, 50);
createInterface({ input: process.stdin }).on('line', (line) => {
  const { command, ...more } = JSON.parse(line);
  void commands[command](more);
});
// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit());
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
