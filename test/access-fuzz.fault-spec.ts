import * as fc from 'fast-check';
import { IsInt, IsOptional, IsString } from 'class-validator';
import { PushModule, PushTopic, type TopicPolicy } from 'nestjs-push';
import { request, type IncomingMessage } from 'node:http';
import { cleanUp } from './support/cleanup.js';
import { head, json, message, ofState, word } from './support/fuzzed-messages.js';
import type { RawSocket } from './support/raw-socket.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { createApp, RunningApp } from './support/start-app.js';
import { openWs, type WsClient } from './support/ws-client.js';
import { clientFrame, openHandshake } from './support/ws-frames.js';

/*
 * Random input for both doors. Whatever it is, it is answered as PROTOCOL.md has it, nothing of it is an error of the server's,
 * and who behaves is served as before. To repeat a run: FUZZ_SEED=… npm run try -- access-fuzz
 */

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

class Comment {
  @IsString()
  text!: string;

  @IsOptional()
  @IsInt()
  stars?: number;
}

@PushTopic('rooms.:room', { payload: Comment })
class RoomsPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

@PushTopic('open.>')
class OpenPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

@PushTopic('state.:name')
class StatePolicy extends OpenPolicy {
  canRemove() {
    return true;
  }
}

/** Nobody reads it. */
@PushTopic('box.:name')
class BoxPolicy extends StatePolicy {
  override canSubscribe() {
    return false;
  }
}

const lift = { perSecond: Infinity, burst: Infinity };
/** What nobody threw on purpose: there must be nothing. */
const failures: unknown[] = [];
let app: RunningApp;

beforeAll(() => void process.stdout.write(`access-fuzz: FUZZ_SEED=${seed}\n`));

// Nothing that one of them publishes is retained for the next.
beforeEach(async () => {
  app = new RunningApp(
    await createApp('express', {
      imports: [
        PushModule.forRoot({
          authenticate: NameAuthenticator,
          topics: [
            { pattern: 'public.>', access: 'public' },
            { pattern: 'state.*', state: true },
            { pattern: 'box.*', state: true },
          ],
          limits: {
            messages: lift,
            subscribe: lift,
            subscribePerPrincipal: lift,
            publish: lift,
            publishPerPrincipal: lift,
          },
          onError: (error) => failures.push(error),
        }),
      ],
      providers: [Users, RoomsPolicy, OpenPolicy, StatePolicy, BoxPolicy],
    }),
  );
  await app.nest.listen(0, '127.0.0.1');
});

afterEach(() => app.close());

afterEach(() => expect(failures).toEqual([]));

/** Runs a property so often, with the seed of this run. */
function check<T>(numRuns: number, arbitrary: fc.Arbitrary<T>, run: (value: T) => Promise<void>) {
  const cleanly = async (value: T) => {
    await run(value);
    await cleanUp();
  };
  return fc.assert(fc.asyncProperty(arbitrary, cleanly), { numRuns, seed });
}

/** The server is as it was: a client that behaves is served. */
async function expectWell(client: WsClient): Promise<void> {
  const before = client.data.length;
  await app.bus.publish('public.well', before);
  await client.until(() => client.data.length > before || client.closed !== undefined);
  expect(client.data.at(-1)).toBe(before);
}

const known = new Set([
  'hello',
  'subscribed',
  'live',
  'unsubscribed',
  'published',
  'refreshed',
  'message',
  'removed',
  'gap',
  'heartbeat',
  'error',
]);

it('messages of a WebSocket: each is answered, none fails', async () => {
  const any = fc.array(fc.oneof(message, ofState, json), { minLength: 1, maxLength: 20 });
  await check(300, any, async (messages) => {
    const witness = await openWs(app.webSocketUrl(), as('witness'));
    await witness.subscribe('public.well');
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const newest = app.bus.stats().positions.head!;
    for (const each of messages) client.send(JSON.stringify(each).replaceAll(head, newest));
    // What is handled in order is done when this is answered.
    expect(await client.ask('unsubscribe', { topics: ['public.end'] })).toMatchObject({
      event: 'unsubscribed',
    });
    expect(client.closed).toBeUndefined();
    expect(client.messages.filter(({ event }) => !known.has(event))).toEqual([]);
    expect(client.all('error').filter(({ code }) => code === 'INTERNAL')).toEqual([]);
    const secret = client.all('error').filter(({ message }) => String(message).startsWith('box.'));
    expect(secret.filter(({ message }) => String(message).includes(newest.split('-')[0]!))).toEqual([]);
    const answers = ['error', 'unsubscribed', 'subscribed', 'published', 'refreshed'].flatMap((name) =>
      client.all(name),
    );
    expect(answers).toHaveLength(messages.length + 1);
    await expectWell(witness);
  });
});

it('bytes instead of frames: the connection ends, or goes on', async () => {
  const frame = fc.record({
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
    ),
    opcode: fc.constantFrom(0, 1, 2, 3, 8, 9, 10, 15),
    isFinal: fc.boolean(),
    isMasked: fc.boolean(),
    reserved: fc.constantFrom(0, 0, 0, 0x40, 0x20, 0x10),
  });
  const bytes = fc.oneof(
    frame.map(({ payload, ...head }) => clientFrame(payload, head)),
    fc.uint8Array({ maxLength: 100 }).map((some) => Buffer.from(some)),
  );
  await check(300, fc.array(bytes, { maxLength: 8 }), async (pieces) => {
    const witness = await openWs(app.webSocketUrl(), as('witness'));
    await witness.subscribe('public.well');
    const raw: RawSocket = await openHandshake(app.port, '/push', 'Authorization: Bearer ann');
    await raw.untilText('hello');
    for (const piece of pieces) raw.send(piece);
    await expectWell(witness);
  });
});

function answerOf(path: string, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(
      app.url(path),
      { agent: false, headers: { ...as('ann').headers, ...headers } },
      resolve,
    );
    asked.on('error', reject).end();
  });
}

it('queries of the SSE endpoint: an honest status, and nothing of them in the stream', async () => {
  const name = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('topic', 'topic', 'topic', 'from', 'lastEventId', 'ticket') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'topic[]',
        'topic[0]',
        'topic[__proto__]',
        '__proto__[topic]',
        'topic.length',
      ),
    },
    { weight: 1, arbitrary: word },
  );
  const encoded = fc.oneof(
    word.map((text) => new URLSearchParams({ x: text }).toString().slice(2)),
    fc.constantFrom('%', '%zz', '%c3%28', '%00', '%0d%0a%0d%0a', '+', 'public.a', 'rooms.1'),
  );
  const query = fc
    .array(fc.tuple(name, encoded), { maxLength: 8 })
    .map((pairs) =>
      pairs.map(([key, value]) => `${encodeURIComponent(Buffer.from(key).toString())}=${value}`).join('&'),
    );
  const header = fc.oneof(fc.constant(undefined), fc.stringMatching(/^[\t -~]{0,40}$/));
  const line =
    /^(?:|:|: |retry: \d+|id: [\w-]+|event: push\.(?:start|gap)|data: \{"id":"[\w-]+"\}|data: \{"reason":"(?:malformed|epoch|future)",.*\})$/;
  await check(400, fc.tuple(query, header), async ([text, id]) => {
    const response = await answerOf(`/push/events?${text}`, id === undefined ? {} : { 'Last-Event-ID': id });
    let body = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    expect([200, 204, 400, 401, 403, 413]).toContain(response.statusCode);
    if (response.statusCode === 200) {
      while (!body.includes('retry: ')) await new Promise((resolve) => response.once('data', resolve));
      expect(body.split('\n').filter((each) => !line.test(each))).toEqual([]);
    }
    response.destroy();
  });
});
