import { ask, Client } from '../clients.mjs';

/** The latest encodings of both doors are kept apart from the window: two blocks each. In bytes. */
const encodings = 2 * 2 * 512 * 1024;

/** Readers that come for several events at a time: what is kept for them is what is accounted. */
export const catchUpMemory = {
  name: 'catch-up-memory',
  title: '1,500 events on 200 topics, each read from earliest over both doors',

  async play(target) {
    const before = await memoryOf(target);
    for (let n = 0; n < 1_500; n++) {
      const topic = `news.item.${n % 200}`;
      await target.ask('publish', { topic, size: 100 });
      if (n % 3 !== 2) continue;
      const expected = Math.floor(n / 200) + 1;
      await overSse(target, topic, expected);
      await overWebSocket(target, topic);
    }
    const after = await memoryOf(target);
    const events = after.events - before.events;
    const held = after.held - before.held;
    const accounted = after.accounted - before.accounted;
    return {
      note: `${Math.round(held / events)} bytes held an event, ${Math.round(accounted / events)} accounted`,
      faults: held > 2 * accounted + encodings ? ['much more is held than accounted'] : [],
    };
  },
};

async function overSse(target, topic, expected) {
  const response = await ask(target, `/push/events?topic=${topic}&from=earliest`);
  let events = 0;
  response.setEncoding('utf8');
  for await (const chunk of response) {
    events += chunk.split('"topic"').length - 1;
    if (events >= expected) break;
  }
  response.destroy();
}

async function overWebSocket(target, topic) {
  const client = await Client.open(target, 'reader');
  await client.ask('subscribe', { topics: [topic], from: 'earliest' }, { answer: ['live', 'error'] });
  client.leave();
}

async function memoryOf(target) {
  const { heap, buffers } = await target.ask('memory');
  const { window } = await target.ask('stats');
  return { held: heap + buffers, accounted: window.bytes, events: window.events };
}
