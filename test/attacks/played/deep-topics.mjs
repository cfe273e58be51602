import { Client, delay, times } from '../clients.mjs';
import { deep } from '../patterns.mjs';

/** Topics as deep as they may be, one event each: what the window accounts for them is what they hold. */
export const deepTopics = {
  name: 'deep-topics',
  title: '20 users publish to 99 deep topics on each of two connections',

  async play(target) {
    const before = await memoryOf(target);
    const clients = await Promise.all(times(40, (n) => Client.open(target, `user-${n >> 1}`)));
    let n = 0;
    for (const client of clients)
      for (let each = 0; each < 99; each++) client.send('publish', { topic: deep(`chat.${n++}`), data: 1 });
    await Promise.all(
      clients.map((client) =>
        client.until((each) => each.all('published').length + each.all('error').length === 99),
      ),
    );
    for (const client of clients) client.leave();
    await delay(500);
    const after = await memoryOf(target);
    const [held, accounted] = [after.held - before.held, after.accounted - before.accounted];
    const topics = after.topics - before.topics;
    return {
      note: `${Math.round(held / topics)} bytes held a topic, ${Math.round(accounted / topics)} accounted`,
      // What the event loop, the sockets and V8 keep for a while is a megabyte or two.
      faults: held > 2 * accounted + 2 ** 21 ? ['much more is held than accounted'] : [],
    };
  },
};

async function memoryOf(target) {
  const { heap, buffers } = await target.ask('memory');
  const { window } = await target.ask('stats');
  return { held: heap + buffers, accounted: window.bytes, topics: window.topics };
}
