import type { Browser, BrowserContext } from 'playwright-core';
import { startChat } from './support/chat-app.js';
import { chatPage, ChatTab } from './support/chat-page.js';
import { launchChromium } from './support/chromium.js';

// A browser on a busy machine takes its time.
import.meta.jest.setTimeout(240_000);

let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  context = await browser.newContext();
  context.setDefaultTimeout(120_000);
});

afterEach(() => context.close());

async function startPage() {
  const { app, script } = await startChat({ controllers: [await chatPage()] });
  return { script, open: () => ChatTab.open(context, app.url('/')) };
}

it('Three tabs of useChat that open at different moments show the same message, byte for byte', async () => {
  const { script, open } = await startPage();
  const first = await open();
  await first.send('Hi');
  const answer = await script.answer(1);
  answer.say('One – «ü» ');
  await first.untilText('One – «ü» ');
  const second = await open();
  await second.untilText('One – «ü» ');
  answer.say('two ');
  await second.untilText('One – «ü» two ');
  const third = await open();
  answer.say('three.');
  answer.finish();
  const tabs = [first, second, third];
  for (const tab of tabs) await tab.untilText('One – «ü» two three.');
  for (const tab of tabs) await tab.untilStatus('ready');
  const [shown, ...others] = await Promise.all(tabs.map((tab) => tab.shown()));
  expect(others).toEqual([shown, shown]);
  expect(await first.answers()).toMatchObject([
    { role: 'assistant', parts: [{ type: 'step-start' }, { type: 'text', text: 'One – «ü» two three.' }] },
  ]);
  expect(tabs.flatMap(({ errors }) => errors)).toEqual([]);
  expect(script.answers).toHaveLength(1);
});

it('A reload in the middle of an answer shows all of it, and lets it go on', async () => {
  const { script, open } = await startPage();
  const tab = await open();
  await tab.send('Hi');
  const answer = await script.answer(1);
  answer.say('One ');
  await tab.untilText('One ');
  let text = 'One ';
  for (const word of ['two ', 'three ']) {
    await tab.page.reload();
    await tab.untilText(text);
    answer.say(word);
    text += word;
    await tab.untilText(text);
  }
  answer.finish();
  await tab.untilStatus('ready');
  expect(answer.signal!.aborted).toBe(false);
  expect(tab.errors).toEqual([]);
});

it('A stop from another tab ends the answer in all of them, and the model', async () => {
  const { script, open } = await startPage();
  const first = await open();
  await first.send('Hi');
  const answer = await script.answer(1);
  answer.say('One ');
  await first.untilText('One ');
  const second = await open();
  await second.untilText('One ');
  await second.page.evaluate(() => fetch('/api/chat/one/stream', { method: 'DELETE' }).then(() => undefined));
  await Promise.all([first.untilStatus('ready'), second.untilStatus('ready')]);
  expect(answer.signal!.aborted).toBe(true);
  expect(await first.shown()).toBe(await second.shown());
  await first.send('Once more');
  (await script.answer(2)).say('Again');
  await first.untilText('Again');
  expect([...first.errors, ...second.errors]).toEqual([]);
});
