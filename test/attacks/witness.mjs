import { ask, Client, delay } from './clients.mjs';

/** How long the last events may take to arrive once an attack is over, in milliseconds. */
const patience = 10_000;

/** Clients that behave, over WebSocket and SSE: each has to get every event of news.tick, in order. */
export class Witness {
  #closing = [];
  #got = { websocket: [], sse: [] };

  static async arrive(target) {
    const witness = new Witness();
    await witness.#overWebSocket(target);
    await witness.#overSse(target);
    return witness;
  }

  /** Waits for what is still under way. Tells, for each, whether it got all of the `ticks` events, and no others. */
  async verdict(ticks) {
    const hasAll = (seen) => seen.length === ticks && seen.every((n, index) => n === index + 1);
    for (const deadline = performance.now() + patience; performance.now() < deadline;) {
      if (hasAll(this.#got.websocket) && hasAll(this.#got.sse)) break;
      await delay(20);
    }
    for (const close of this.#closing) close();
    return { websocket: hasAll(this.#got.websocket), sse: hasAll(this.#got.sse) };
  }

  async #overWebSocket(target) {
    const client = await Client.open(target, 'witness');
    client.socket.on('message', (data) => {
      const { event, data: body } = JSON.parse(data.toString());
      if (event === 'message') this.#got.websocket.push(body.data);
      if (event === 'gap') this.#got.websocket.push('gap');
    });
    await client.ask('subscribe', { topics: ['news.tick'] });
    this.#closing.push(() => client.leave());
  }

  async #overSse(target) {
    const response = await ask(target, '/push/events?topic=news.tick', { name: 'witness' });
    let text = '';
    const begun = new Promise((resolve) => {
      response.setEncoding('utf8').on('error', () => undefined);
      response.on('data', (chunk) => {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop();
        for (const block of blocks) this.#read(block);
        if (chunk.includes('retry: ')) resolve();
      });
    });
    this.#closing.push(() => response.destroy());
    await begun;
  }

  #read(block) {
    // Where the stream begins.
    if (block.includes('event: push.start')) return;
    if (block.includes('event: push.')) this.#got.sse.push('gap');
    else if (/^data: /m.test(block)) this.#got.sse.push(JSON.parse(/^data: (.*)$/m.exec(block)[1]).data);
  }
}
