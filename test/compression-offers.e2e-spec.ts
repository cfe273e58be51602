import { Authenticator, PushModule, PushTopic, type TopicPolicy } from 'nestjs-push';
import { CompressedAudience } from './support/compressed-audience.js';
import { openDeflated } from './support/compressed-clients.js';
import { wsHearer } from './support/hearers.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { openHandshake } from './support/ws-frames.js';

/* What clients offer of permessage-deflate (RFC 7692, section 7.1), and what becomes of it. */

const name = 'permessage-deflate';

/** Only users may publish, and everybody is one. */
class EverybodyIsAnn extends Authenticator {
  authenticate() {
    return { id: 'ann' };
  }
}

@PushTopic('open')
class OpenPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

let app: RunningApp;

beforeEach(async () => {
  app = await startApp('express', { imports: [PushModule.forRoot()] });
});

/** The status of the answer to an offer, and what it agrees on. */
async function answerTo(offer: string) {
  const raw = await openHandshake(app.port, '/push', `Sec-WebSocket-Extensions: ${offer}`);
  const answer = await raw.untilText('\r\n\r\n');
  const agreed = /^Sec-WebSocket-Extensions: (.*)$/im.exec(answer)?.[1];
  return { status: Number(answer.split(' ')[1]), agreed };
}

it.each([
  ['', '; client_no_context_takeover'],
  ['; client_max_window_bits', '; client_no_context_takeover'],
  ['; client_no_context_takeover', '; client_no_context_takeover'],
  ['; client_max_window_bits=10', '; client_max_window_bits=10; client_no_context_takeover'],
  ['; server_max_window_bits=12', '; server_max_window_bits=12; client_no_context_takeover'],
  ['; server_max_window_bits=15', '; server_max_window_bits=15; client_no_context_takeover'],
  ['; server_max_window_bits="13"', '; server_max_window_bits=13; client_no_context_takeover'],
  // The first that shared messages fit.
  [
    `; server_max_window_bits=9, ${name}; server_max_window_bits=14, ${name}`,
    '; server_max_window_bits=14; client_no_context_takeover',
  ],
  [`; server_no_context_takeover, x-other, ${name}; client_max_window_bits`, '; client_no_context_takeover'],
])('agrees on "%s"', async (offer, agreed) => {
  expect(await answerTo(name + offer)).toEqual({ status: 101, agreed: name + agreed });
});

it.each([
  '; server_no_context_takeover',
  '; server_no_context_takeover; client_no_context_takeover',
  '; server_max_window_bits=9',
  '; server_max_window_bits=11; client_max_window_bits',
  `; server_max_window_bits=8, ${name}; server_no_context_takeover`,
])('declines "%s", and the client gets its messages as they are', async (offer) => {
  expect(await answerTo(name + offer)).toEqual({ status: 101, agreed: undefined });
});

it.each([
  '; server_max_window_bits',
  '; server_max_window_bits=16',
  '; server_max_window_bits=wide',
  '; client_max_window_bits=7',
  '; client_no_context_takeover=1',
  '; client_max_window_bits; client_max_window_bits',
  '; unheard_of',
  ';;',
  '; client_max_window_bits=',
  '; client_max_window_bits="',
  ', ,',
])('refuses "%s"', async (offer) => {
  expect(await answerTo(name + offer)).toEqual({ status: 400, agreed: undefined });
});

it('clients of all kinds of offers decode what they are sent', async () => {
  const audience = await CompressedAudience.start('express', 60_000);
  const offers = [
    {},
    { clientMaxWindowBits: 9 },
    { clientNoContextTakeover: true },
    { serverMaxWindowBits: 12 },
    { serverMaxWindowBits: 15 },
    { serverMaxWindowBits: 9 },
    { serverNoContextTakeover: true },
  ];
  const hearers = offers.map((perMessageDeflate) => wsHearer({ perMessageDeflate }));
  for (const hearer of hearers) await audience.admit(hearer);
  await audience.publish();
  for (const hearer of hearers) {
    const expected = audience.expected(hearer);
    expect(await hearer.heard(expected.length)).toEqual(expected);
  }
  const agreed = await Promise.all(hearers.map((hearer) => hearer.encoding()));
  expect(agreed.map((extensions) => extensions === name)).toEqual([
    true,
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});

/** Each message says something else, and most of it as the one before. */
function messagesOf(sizes: readonly number[], each: number): string[] {
  return sizes.flatMap((size) => Array.from({ length: each }, (_, n) => `${n} is n, `.repeat(size / 8)));
}

const sizes = [16, 64, 256, 1_024, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072];

// The offers of the Autobahn test suite, cases 13.1 to 13.6, with its sizes. Two clients each: what is compressed is so for two.
describe.each(
  [undefined, true].flatMap((serverNoContextTakeover) =>
    [undefined, 9, 15].map((serverMaxWindowBits) => ({ serverNoContextTakeover, serverMaxWindowBits })),
  ),
)('after the offer %j', (perMessageDeflate) => {
  it('messages of all sizes are decoded, compressed or not', async () => {
    const topics = [{ pattern: 'sizes', access: 'public' }] as const;
    const sized = await startApp('express', { imports: [PushModule.forRoot({ topics })] });
    const clients = [
      await openDeflated(sized, { perMessageDeflate }),
      await openDeflated(sized, { perMessageDeflate }),
    ];
    for (const { client } of clients) await client.subscribe('sizes');
    const messages = messagesOf(sizes, 5);
    for (const [index, message] of messages.entries()) {
      await sized.bus.publish('sizes', message);
      // One write each, and no client is left behind.
      for (const { client } of clients) await client.untilData(index + 1);
    }
    for (const { client } of clients) expect(client.data).toEqual(messages);
  });

  it('what a client publishes compressed is stored as it was', async () => {
    const sized = await startApp('express', {
      imports: [
        PushModule.forRoot({ authenticate: EverybodyIsAnn, websocket: { maxMessageBytes: 256 * 1024 } }),
      ],
      providers: [OpenPolicy],
    });
    const { client } = await openDeflated(sized, {
      perMessageDeflate: { ...perMessageDeflate, threshold: 0 },
    });
    const reader = await openDeflated(sized, { perMessageDeflate });
    await reader.client.subscribe('open');
    const messages = messagesOf(sizes, 2);
    for (const data of messages)
      expect(await client.ask('publish', { topic: 'open', data })).toMatchObject({ event: 'published' });
    expect(await reader.client.untilData(messages.length)).toEqual(messages);
  });
});
