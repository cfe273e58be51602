import { metrics } from '@opentelemetry/api';
import { PushModule } from 'nestjs-push';
import { PushMetricsModule } from 'nestjs-push/opentelemetry';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterTest } from './support/cleanup.js';
import { freePort } from './support/free-port.js';
import { eventsUrl, rule, sent, topics } from './support/metrics-app.js';
import { Scrape } from './support/scraped.js';
import { openStream } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';

describe('Without an SDK, or without the module', () => {
  it('nothing is registered, and push works', async () => {
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics, isGlobal: false }), PushMetricsModule.forRoot()],
    });
    expect(metrics.getMeterProvider().constructor.name).toBe('NoopMeterProvider');
    const stream = await openStream(app.url(eventsUrl('news.a')));
    await app.bus.publish('news.a', 1);
    await stream.untilEvents(1);
  });

  it('no other part of the package loads @opentelemetry/api', async () => {
    const files = await readdir('libs/push/dist', { recursive: true });
    const loading = await Promise.all(
      files
        .filter((file) => /\.(js|d\.ts)$/.test(file))
        .map(async (file) => {
          const text = await readFile(join('libs/push/dist', file), 'utf8');
          return /(from|require\() ?['"]@opentelemetry/.test(text) ? [file.replace(/^cjs\//, '')] : [];
        }),
    );
    const folders = new Set(loading.flat().map((file) => file.split('/').slice(0, 2).join('/')));
    expect([...folders]).toEqual(['operations/opentelemetry']);
  });
});

it('The recipe of the page reports to the global provider, and Prometheus can scrape it', async () => {
  const page = await readFile('libs/push/docs/observability.md', 'utf8');
  expect(page).toContain(await readFile('test/support/metrics-example.ts', 'utf8'));
  const port = await freePort();
  process.env.METRICS_PORT = `${port}`;
  afterTest(() => delete process.env.METRICS_PORT);
  const { exporter } = await import('./support/metrics-example.js');
  afterTest(async () => {
    metrics.disable();
    await exporter.shutdown();
  });
  const app = await startApp('express', {
    imports: [PushModule.forRoot({ topics }), PushMetricsModule.forRoot()],
  });
  await app.bus.publish('news.a', 1);
  const scrape = async () => new Scrape(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  expect((await scrape()).of(sent, { [rule]: 'news.*' })).toBe(1);
});
