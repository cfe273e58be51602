import { describeTransport } from 'nestjs-push/testing';
import { NdjsonClient } from './support/ndjson-client.js';
import { NdjsonModule } from './support/ndjson.js';
import { platforms } from './support/start-app.js';
import { transportOn } from './support/transport-app.js';

for (const platform of platforms) {
  describeTransport(
    `The example of the documentation, on ${platform},`,
    transportOn(platform, (app, asked) => new NdjsonClient(app.url('/ndjson'), asked), [NdjsonModule]),
  );
}
