import { anonymous, Authenticator, PushModule, type AuthenticationResult } from 'nestjs-push';
import { describeTransport } from 'nestjs-push/testing';
import { readFile } from 'node:fs/promises';
import { NdjsonClient } from './support/ndjson-client.js';
import { NdjsonModule } from './support/ndjson.js';
import { openRaw } from './support/raw-socket.js';
import { openSse } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { transportOn } from './support/transport-app.js';
import { eventually } from './support/watched.js';

// On Express: transport-example.e2e-spec.ts.
describeTransport(
  'The example of the documentation, on Fastify,',
  transportOn('fastify', (app, asked) => new NdjsonClient(app.url('/ndjson'), asked), [NdjsonModule]),
);

it('A client that is refused has no place any more, although its answer waits for another one on its connection', async () => {
  let asked = 0;
  class Counting extends Authenticator {
    authenticate(): AuthenticationResult {
      asked++;
      return anonymous;
    }
  }
  const push = PushModule.forRoot({
    authenticate: Counting,
    topics: [{ pattern: 'news.>', access: 'public' }],
    limits: { connections: 2 },
  });
  const app = await startApp('express', { imports: [push, NdjsonModule] });
  const get = (topic: string) => [`GET /ndjson?topic=${topic} HTTP/1.1`, 'Host: localhost'];
  const pipelined = await openRaw(app.port, ...get('news.1'), '', ...get('private.1'));
  await pipelined.untilText('subscribed');
  // Whoever is asked about has a place.
  await eventually(() => asked === 2);
  await eventually(async () => (await openSse(app.url('/ndjson?topic=news.1'))).status === 200);
  expect(pipelined.text).not.toContain('FORBIDDEN');
});

it('The transport and its test are those that the documentation shows', async () => {
  const page = await readFile('libs/push/docs/transports.md', 'utf8');
  for (const file of ['test/support/ndjson.ts', 'test/transport-example.e2e-spec.ts'])
    expect(page).toContain(`\`\`\`ts\n${await readFile(file, 'utf8')}\`\`\``);
});
