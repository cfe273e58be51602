import { NestFactory } from '@nestjs/core';
import { PushModule, EventBus } from 'nestjs-push';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { freePort } from '../free-port.mjs';
import { run } from './run.mjs';
import { untilListening } from './until-listening.mjs';

/** The files of an application with the app router: a page that a server renders, and a component that goes on in the browser. */
const files = {
  'app/layout.jsx': `export const metadata = { icons: 'data:,' };

export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
`,
  'app/page.jsx': `import { News } from './news.jsx';
import { Push } from './push.jsx';

export default function Page() {
  return <Push><News /></Push>;
}
`,
  'app/push.jsx': `'use client';
import { connect } from 'nestjs-push-client';
import { PushProvider } from 'nestjs-push-client/react';

const push = connect(process.env.NEXT_PUBLIC_PUSH, { lazy: true, transports: ['websocket'] });

export function Push({ children }) {
  return <PushProvider push={push}>{children}</PushProvider>;
}
`,
  'app/news.jsx': `'use client';
import { useLatest } from 'nestjs-push-client/react';

export function News() {
  return <p>{useLatest('news.today') ?? 'nothing yet'}</p>;
}
`,
};

function generate(folder, tarball) {
  const cwd = join(folder, 'next');
  mkdirSync(join(cwd, 'app'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const dependencies = {
    next: '^16.0.0',
    react: '^19.0.0',
    'react-dom': '^19.0.0',
    'nestjs-push-client': tarball,
  };
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true, dependencies }, null, 2));
  return cwd;
}

/** A push server that takes the page at `origin`. */
async function servePush(origin, port) {
  const topics = [{ pattern: 'news.*', access: 'public', state: true }];
  const module = PushModule.forRoot({ topics, origins: [origin] });
  const app = await NestFactory.create(module, { logger: false });
  await app.listen(port, '127.0.0.1');
  return app;
}

/** What the page shows: first what the server has rendered, and then what comes. */
async function look(url, bus) {
  const rendered = await (await fetch(url)).text();
  if (!rendered.includes('<p>nothing yet</p>')) throw new Error(`The server has rendered: ${rendered}`);
  await bus.publish('news.today', 'first');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(url);
    await page.getByText('first').waitFor();
    await bus.publish('news.today', 'second');
    await page.getByText('second').waitFor();
    if (errors.length > 0) throw new Error(errors.join('\n'));
  } finally {
    await browser.close();
  }
}

/** An application of Next.js with the packed client: built, started, and looked at in a browser. */
export async function nextApp(folder, { 'nestjs-push-client': tarball }) {
  const cwd = generate(folder, tarball);
  const [pagePort, pushPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${pagePort}`;
  const env = {
    ...process.env,
    NEXT_TELEMETRY_DISABLED: '1',
    NEXT_PUBLIC_PUSH: `http://127.0.0.1:${pushPort}/push`,
  };
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], { cwd });
  // Nothing listens yet where the client would connect to.
  run('npx', ['next', 'build'], { cwd, env });
  const app = await servePush(url, pushPort);
  const main = join(cwd, 'node_modules/next/dist/bin/next');
  const server = spawn(process.execPath, [main, 'start', '-p', String(pagePort), '-H', '127.0.0.1'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await untilListening(server, pagePort);
    await look(url, app.get(EventBus));
  } finally {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    await app.close();
  }
}
