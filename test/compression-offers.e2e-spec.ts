import { PushModule } from 'nestjs-push';
import { CompressedAudience } from './support/compressed-audience.js';
import { wsHearer } from './support/hearers.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { openHandshake } from './support/ws-frames.js';

/* What clients offer of permessage-deflate (RFC 7692, section 7.1), and what becomes of it. */

const name = 'permessage-deflate';

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
