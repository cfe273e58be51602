import { readFile, readdir } from 'node:fs/promises';
import { afterTest } from './support/cleanup.js';
import { startExample } from './support/example.js';
import { Watched } from './support/watched.js';

/** What a page was told, in order. */
class Page extends Watched {
  readonly seen: unknown[] = [];
  /** How often it was told that it is connected. */
  connections = 0;

  readonly show = (what: unknown) => {
    this.seen.push(what);
    this.changed();
  };

  readonly connected = () => {
    this.connections++;
    this.changed();
  };

  async untilSeen(count: number): Promise<unknown[]> {
    await this.until(() => this.seen.length >= count);
    return this.seen;
  }

  untilConnected(times: number): Promise<void> {
    return this.until(() => this.connections >= times);
  }
}

const acme = (price: number) => ({ symbol: 'ACME', price });

describe('A route with @Sse()', () => {
  type Client = {
    watchPrices(url: string, show: (price: unknown) => void, reload?: () => void): EventSource;
  };

  /** A page that has seen one price. */
  async function open(stage: string) {
    const page = new Page();
    const { example, client } = await startExample<Client>(`prices/${stage}`);
    const source = client.watchPrices(example.url, page.show, () => page.show('gap'));
    source.addEventListener('open', page.connected);
    afterTest(() => source.close());
    await page.untilConnected(1);
    await example.put('/prices/ACME', { price: 1 });
    await page.untilSeen(1);
    return { page, example };
  }

  it('and a Subject loses what is emitted while the page is away', async () => {
    const { page, example } = await open('before');
    example.network.refuse();
    await example.put('/prices/ACME', { price: 2 });
    example.network.heal();
    await page.untilConnected(2);
    await example.put('/prices/ACME', { price: 3 });
    expect(await page.untilSeen(2)).toEqual([acme(1), acme(3)]);
  });

  it('and a stream of the bus loses nothing', async () => {
    const { page, example } = await open('after');
    example.network.refuse();
    await example.put('/prices/ACME', { price: 2 });
    example.network.heal();
    await page.untilConnected(2);
    await example.put('/prices/ACME', { price: 3 });
    expect(await page.untilSeen(3)).toEqual([acme(1), acme(2), acme(3)]);
  });
});

describe('A gateway', () => {
  type Before = {
    OrderTracker: new (
      url: string,
      id: string,
      show: (status: string) => void,
      tracking: () => void,
    ) => { close(): void };
  };
  type Push = { close(): void; onStatus(handler: (change: { status: string }) => void): void };
  type After = {
    connectTo(url: string): Push;
    trackOrder(push: Push, id: string, show: (status: string) => void): { live: Promise<void> };
  };

  it('on WsAdapter loses what is sent while the page is away', async () => {
    const page = new Page();
    const { example, client } = await startExample<Before>('orders/before');
    const tracker = new client.OrderTracker(example.url, '42', page.show, page.connected);
    afterTest(() => tracker.close());
    await page.untilConnected(1);
    await example.put('/orders/42', { status: 'packed' });
    await page.untilSeen(1);
    example.network.refuse();
    await example.put('/orders/42', { status: 'shipped' });
    example.network.heal();
    await page.untilConnected(2);
    await example.put('/orders/42', { status: 'delivered' });
    expect(await page.untilSeen(2)).toEqual(['packed', 'delivered']);
  });

  it('of push loses nothing', async () => {
    const page = new Page();
    const { example, client } = await startExample<After>('orders/after');
    const push = client.connectTo(example.url);
    afterTest(() => push.close());
    await client.trackOrder(push, '42', page.show).live;
    await example.put('/orders/42', { status: 'packed' });
    await page.untilSeen(1);
    example.network.refuse();
    await example.put('/orders/42', { status: 'shipped' });
    example.network.heal();
    await example.put('/orders/42', { status: 'delivered' });
    await example.put('/orders/7', { status: 'packed' });
    expect(await page.untilSeen(3)).toEqual(['packed', 'shipped', 'delivered']);
  });
});

describe('Rooms', () => {
  type Closing = { close(): void };
  type Client<Connection extends Closing> = {
    connectAs(url: string, token: string): Connection;
    joinRoom(
      connection: Connection,
      room: string,
      show: (line: unknown) => void,
      joined?: () => void,
    ): { readonly live: Promise<void> } | undefined;
    say(connection: Connection, room: string, text: string): Promise<void>;
  };
  const line = (text: string) => ({ author: 'ben', text });

  /** A room where Ann is behind a network that can be cut, and Ben is not. */
  async function open(stage: string) {
    const { example, client } = await startExample<Client<Closing>>(`rooms/${stage}`);
    const ann = new Page();
    const connect = (url: string, name: string) => {
      const connection = client.connectAs(url, `token-of-${name}`);
      afterTest(() => connection.close());
      return connection;
    };
    const joined = client.joinRoom(connect(example.url, 'ann'), 'lobby', ann.show, ann.connected);
    if (joined) await joined.live;
    else await ann.untilConnected(1);
    const ben = connect(example.directUrl, 'ben');
    const own = new Page();
    const bens = client.joinRoom(ben, 'lobby', own.show, own.connected);
    if (bens) await bens.live;
    else await own.untilConnected(1);
    const say = (text: string) => client.say(ben, 'lobby', text);
    await say('Hello');
    expect(await ann.untilSeen(1)).toEqual([line('Hello')]);
    expect(await own.untilSeen(1)).toEqual([line('Hello')]);
    return { ann, say, example };
  }

  it('of Socket.IO lose what is said while somebody is away', async () => {
    const { ann, say, example } = await open('before');
    example.network.refuse();
    await say('Are you there?');
    example.network.heal();
    await ann.untilConnected(2);
    await say('Good bye');
    expect(await ann.untilSeen(2)).toEqual([line('Hello'), line('Good bye')]);
  });

  it('of topics lose nothing', async () => {
    const { ann, say, example } = await open('after');
    example.network.refuse();
    await say('Are you there?');
    example.network.heal();
    await say('Good bye');
    expect(await ann.untilSeen(3)).toEqual([line('Hello'), line('Are you there?'), line('Good bye')]);
  });
});

describe('The guide', () => {
  const snippets = (text: string) => [...text.matchAll(/^```ts\n\/\/ examples\/(\S+)\n([\s\S]*?)^```/gm)];

  it('has no code but that of the examples', async () => {
    const text = await readFile('libs/push/docs/migrating.md', 'utf8');
    expect(snippets(text)).toHaveLength([...text.matchAll(/^```ts$/gm)].length);
    for (const [, file, code] of snippets(text)) {
      const example = await readFile(`examples/${file}`, 'utf8');
      // A snippet may leave out the imports.
      expect(example).toContain(code);
    }
  });

  it('shows or names each file that is not the same before and after', async () => {
    const text = await readFile('libs/push/docs/migrating.md', 'utf8');
    for (const name of ['prices', 'orders', 'rooms'])
      for (const file of await readdir(`examples/${name}/after`)) {
        const [before, after] = await Promise.all(
          ['before', 'after'].map((stage) =>
            readFile(`examples/${name}/${stage}/${file}`, 'utf8').catch(() => ''),
          ),
        );
        if (before !== after) expect(text).toContain(`examples/${name}/after/${file}`);
      }
  });
});
