import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium, record, type PageRecord } from './chromium.js';
import { DeskProcess } from './desk-process.js';

/* The reference application, and the browser in which people have its page open. */

/** What Chromium itself writes on the console when a server is away. */
export const outage = /net::ERR_|WebSocket connection to .* failed/;

export interface Visitor {
  readonly page: Page;
  readonly record: PageRecord;
}

let browser: Browser;
let context: BrowserContext;
/** The application of the test that is running. */
export let desk: DeskProcess;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

/** Every test has an application and visitors of its own. */
export function withDesk(): void {
  beforeEach(async () => {
    desk = await DeskProcess.start();
    context = await browser.newContext();
    context.setDefaultTimeout(100_000);
  });

  afterEach(async () => {
    await context.close();
    await desk.end();
  });
}

/** Starts the application again after it has ended, on the same port. */
export async function restartDesk(): Promise<void> {
  desk = await desk.restart();
}

/** Someone who has opened the page, and sees both transports live. */
export async function visit(url = desk.url): Promise<Visitor> {
  const page = await context.newPage();
  const visitor = { page, record: record(page) };
  await page.goto(url);
  await isLive(page);
  return visitor;
}

/** Resolves once both transports are open. */
export async function isLive(page: Page): Promise<void> {
  await page.locator('#sse[data-state=open]').waitFor();
  await page.locator('#websocket[data-state=open]').waitFor();
}

/** Sends a note, as a person does. */
export async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('Note', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** Resolves once there is such a note. */
export async function sees(page: Page, text: string): Promise<void> {
  await page.locator('#notes').getByText(text, { exact: true }).waitFor();
}

/** The notes on the board, from top to bottom. */
export function notes(page: Page): Promise<string[]> {
  return page.locator('#notes .body').allTextContents();
}

/** Posts JSON to a route of the application. */
export function post(path: string, body: unknown): Promise<Response> {
  return desk.post(path, body);
}
