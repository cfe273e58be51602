/*
 * Says what the dashboard costs a node, as a share of one core: 10,000 clients of 100,000 topics, with no page, and with one that
 * looks at all there is. `npm run build:libs && node test/dashboard-cost.mjs [seconds]`
 */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PushModule } from 'nestjs-push';
import { PushDashboardModule } from 'nestjs-push/dashboard';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const connections = 10_000;
const topics = 100_000;
const seconds = Number(process.argv[2] ?? 30);

if (process.send) crowd();
else await measure();

/** The clients, in a process of their own. */
function crowd() {
  process.once('message', ({ port }) => {
    let open = 0;
    let next = 0;
    const add = () => {
      const socket = connect(port, '127.0.0.1');
      const topic = `orders.${next++}`;
      socket.on('error', () => process.exit(1));
      socket.once('data', () => {
        if (++open === connections) process.send({ open });
        else if (next < connections) add();
      });
      socket.write(`GET /push/events?topic=${topic} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    };
    for (let n = 0; n < 50; n++) add();
  });
}

async function measure() {
  const boundless = { perSecond: 1e9, burst: 1e9 };
  const limits = { connectionsPerAddress: 2 * connections, work: boundless, subscribe: boundless };
  const rules = [{ pattern: 'orders.*', access: 'public' }];
  class App {}
  Module({ imports: [PushModule.forRoot({ topics: rules, limits }), PushDashboardModule.forRoot()] })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  const bus = app.get((await import('nestjs-push')).EventBus);
  for (let n = 0; n < topics; n++) await bus.publish(`orders.${n}`, { n });
  const clients = fork(fileURLToPath(import.meta.url));
  clients.send({ port });
  await once(clients, 'message');
  const page = await open(port);
  page.destroy();
  await sleep(12_000);
  const idle = await shareOf(seconds);
  const view = await open(port);
  const listed = { text: '' };
  view.on('data', (data) => (listed.text += data.toString('latin1')));
  await sleep(3_000);
  const looking = await shareOf(seconds);
  const { window, connections: readers } = bus.stats();
  console.log({
    connections: readers,
    topics: window.topics,
    'without a page, % of a core': idle,
    'with a page, % of a core': looking,
    'lists of connections': listed.text.split('event: connections').length - 1,
    'lists of topics': listed.text.split('event: topics').length - 1,
  });
  clients.kill();
  process.exit(0);
}

/** A page that looks at everything. */
async function open(port) {
  const view = 'v'.repeat(20) + Math.random().toString(36).slice(2, 8).padEnd(6, 'x');
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /push/dashboard/events?view=${view} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'data');
  const look = { connections: { topic: 'orders' }, topics: { pattern: '9' }, topic: 'orders.42', tail: '>' };
  await fetch(`http://127.0.0.1:${port}/push/dashboard/look`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ view, ...look }),
  });
  return socket;
}

/** The CPU time of this process, in percent of a core. */
async function shareOf(seconds) {
  const began = performance.now();
  const before = process.cpuUsage();
  await sleep(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  return Number(((user + system) / 10 / (performance.now() - began)).toFixed(2));
}
