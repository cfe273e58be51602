import { ask, Client, times } from '../clients.mjs';

const topics = (round) => times(250, (n) => `news.${round}x${n}`);

/** Connections that come and go, by every door: none begins with a fresh rate. */
export const reconnecting = {
  name: 'reconnecting',
  title: '30 visits by WebSocket, 30 by POST and 30 by GET, each with as many topics as it can',

  async play(target) {
    const began = performance.now();
    let granted = 0;
    for (let visit = 0; visit < 30; visit++) {
      granted += await byWebSocket(target);
      granted += await byPost(target);
      granted += await byGet(target);
    }
    const seconds = (performance.now() - began) / 1_000;
    // A connection may have 1,000 at once and 100 a second; one that ends may overlap with the next for a moment.
    const allowed = 3 * 1_000 + 3 * 100 * seconds;
    return {
      note: `${granted} topics in ${seconds.toFixed(1)} s`,
      faults: granted > allowed ? [`more than ${Math.round(allowed)} topics`] : [],
    };
  },
};

async function byWebSocket(target) {
  const client = await Client.open(target);
  let granted = 0;
  for (let round = 0; round < 4; round++) {
    const answer = await client.ask('subscribe', { topics: topics(round) });
    if (answer?.event === 'subscribed') granted += 250;
    await client.ask('unsubscribe', { topics: topics(round) });
  }
  client.leave();
  return granted;
}

async function byPost(target) {
  const response = await ask(target, '/push/events', {
    body: { subscribe: [{ topics: topics(0), ref: 'r' }] },
  });
  const text = await read(response, (body) => body.includes('"ref":"r"'));
  return text.includes('"event":"subscribed"') ? 250 : 0;
}

async function byGet(target) {
  const query = topics(0)
    .map((topic) => `topic=${topic}`)
    .join('&');
  const response = await ask(target, `/push/events?${query}`);
  const text = await read(response, (body) => body.includes('retry: '));
  return response.statusCode === 200 && !text.includes('push.error') ? 250 : 0;
}

/** What came until `isEnough`, or all of it. */
async function read(response, isEnough) {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk;
    if (isEnough(text)) break;
  }
  response.destroy();
  return text;
}
