import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:tls';
import { chromium, type Browser, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A headless Chromium of the system: nothing is downloaded. `args` are command line switches beside the usual ones. */
export async function launchChromium(...args: string[]): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no Chromium at ${executablePath}. Install the package "chromium" (npm run requirements does it` +
        ' where it can), or set the environment variable CHROMIUM to the path of the program.',
    );
  }
  return chromium.launch({
    executablePath,
    // Browsers of people have it.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--no-first-run',
      ...args,
    ],
  });
}

/** One that trusts the certificate of the server on `port`: as with a real one, it then caches what it fetches. */
export async function launchTrustingChromium(port: number): Promise<Browser> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { publicKey } = new X509Certificate(socket.getPeerCertificate().raw);
  socket.destroy();
  const fingerprint = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }));
  return launchChromium(`--ignore-certificate-errors-spki-list=${fingerprint.digest('base64')}`);
}

/** What a page has to answer for. */
export interface PageRecord {
  /** Errors on the console, and exceptions that nobody caught. */
  readonly errors: string[];
  /** URLs that the page asked for, WebSockets included. */
  readonly requests: string[];
}

/** Records what `page` does from now on. */
export function record(page: Page): PageRecord {
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  return { errors, requests };
}
