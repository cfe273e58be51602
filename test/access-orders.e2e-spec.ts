import * as fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { fields, http1Client, http2Client, play, upgrade2, type Step } from './support/hasty-clients.js';
import {
  endHeaders,
  endStream,
  frame,
  FrameType,
  headerBlock,
  preface,
  resetFrame,
} from './support/http2-frames.js';
import { nestMajor } from './support/nest.js';
import { launch, type Child } from './support/processes.js';

/*
 * Clients that do not wait: they ask for something that takes the application a while to decide, and meanwhile go on, reset, hang
 * up or send junk, in any order. The application lives, and holds nothing for them afterwards. To repeat a run:
 * ORDERS_SEED=… npm run test:e2e -- access-orders
 */

const seed = Number(process.env.ORDERS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const clients = Number(process.env.ORDERS_CLIENTS ?? 400);
const atOnce = 20;

/** Nest 11 sends `Connection: keep-alive` on HTTP/2 too, of which Node warns once, and drops it; Nest 12 does not. */
const nest11OnHttp2 = nestMajor < 12 ? /^.*UnsupportedWarning: The provided connection header.*$/m : '';

let server: Child;

async function startServer(platform: string): Promise<number> {
  const options = JSON.stringify({ platform });
  server = launch(process.execPath, ['test/support/undecided-server.mjs', options], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  await server.untilOutput('port ');
  return Number(/port (\d+)/.exec(server.output)![1]);
}

/** What the server holds for clients. Fails if it has died. */
async function holdings(): Promise<Record<string, number>> {
  const answers = () => [...server.output.matchAll(/^answer (.*)$/gm)];
  const count = answers().length;
  server.process.stdin!.write('?\n');
  await server.until(() => {
    if (server.exit) throw new Error(`The server has died:\n${server.output.replaceAll(/^answer.*$/gm, '')}`);
    return answers().length > count;
  });
  return JSON.parse(answers()[count]![1]!) as Record<string, number>;
}

/** Resolves once it holds nothing; rejects with what it still holds after half a minute. */
async function untilEmpty(): Promise<void> {
  const end = performance.now() + 30_000;
  for (let held = await holdings(); Object.values(held).some((count) => count > 0); held = await holdings()) {
    if (performance.now() > end)
      throw new Error(`Its clients are gone, and it holds ${JSON.stringify(held)}.`);
    await sleep(20);
  }
}

/** A WebSocket over HTTP/2 whose client says that it is done, and resets the stream while it is decided about. */
const resetUpgrade = (outcome: string, code: number): Step[] => [
  frame(FrameType.headers, endHeaders, 1, headerBlock(upgrade2(`/push?at=authenticator:60:${outcome}`))),
  frame(FrameType.data, endStream, 1, Buffer.from('x')),
  30,
  resetFrame(1, code),
  60,
];

beforeAll(() => {
  process.stdout.write(`access-orders: ORDERS_SEED=${seed}\n`);
});

afterEach(() => server.kill());

it('a WebSocket over HTTP/2 that is reset while it is decided about harms nobody', async () => {
  const port = await startServer('h2');
  const scripts = ['ok', 'no', 'bug', 'hang'].flatMap((outcome) =>
    [0, 8].map((code) => resetUpgrade(outcome, code)),
  );
  await Promise.all(scripts.map((steps) => play(port, preface, steps)));
  await untilEmpty();
});

it.each<[string, Buffer[]]>([
  ['', []],
  [' after GOAWAY', [frame(FrameType.goAway, 0, 0, Buffer.alloc(8))]],
])(
  'a session that breaks the protocol%s, and of which Node reads nothing more, is found',
  async (_, before) => {
    const port = await startServer('h2');
    const open = frame(
      FrameType.headers,
      endHeaders | endStream,
      1,
      headerBlock(fields({ method: 'GET', path: '/own' })),
    );
    const onIdleStream = frame(FrameType.data, 0, 99, Buffer.from('x'));
    await play(port, preface, [open, 50, ...before, 5, onIdleStream, 50, 'destroy']);
    await untilEmpty();
  },
);

it.each<[string, string, fc.Arbitrary<Step[]>, Buffer]>([
  ['HTTP/2', 'h2', http2Client, preface],
  ['HTTP/1.1 on express', 'express', http1Client, Buffer.alloc(0)],
  ['HTTP/1.1 on fastify', 'fastify', http1Client, Buffer.alloc(0)],
])(
  'whatever clients of %s do while it is decided about them, the application lives and keeps nothing',
  async (_, platform, client, opening) => {
    const port = await startServer(platform);
    const scripts = fc.sample(client, { numRuns: clients, seed });
    const come = async () => {
      for (let steps = scripts.pop(); steps && !server.exit; steps = scripts.pop())
        await play(port, opening, steps);
    };
    await Promise.all(Array.from({ length: atOnce }, come));
    await untilEmpty();
    expect(server.output.replace(nest11OnHttp2, '')).not.toMatch(/Warning|Error/);
  },
);
