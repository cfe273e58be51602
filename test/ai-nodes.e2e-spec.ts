import { ChatClient } from './support/chat-client.js';
import { afterTest } from './support/cleanup.js';
import { start, type Child } from './support/processes.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';

import.meta.jest.setTimeout(120_000);

/** So many that a busy machine does not get to the end of the answer before the test has done what it does in its middle. */
const words = 400;
const whole = Array.from({ length: words }, (_, n) => `word${n} `).join('');

/** In milliseconds: short, and longer than a busy machine keeps a node from saying that it is there. */
const lease = 5_000;

class Node {
  private constructor(
    readonly child: Child,
    readonly url: string,
  ) {}

  static async start(settings: object): Promise<Node> {
    const argument = JSON.stringify({ words, interval: 30, lease, ...settings });
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = start(process.execPath, ['test/support/chat-node.mjs', argument], { env });
    await child.untilOutput('port ');
    return new Node(child, `http://127.0.0.1:${/port (\d+)/.exec(child.output)![1]}/api/chat`);
  }

  client(): ChatClient {
    return ChatClient.at(this.url);
  }
}

describe.each([
  ['Redis', startRedis],
  ['NATS', startNats],
] as const)('Two nodes over %s:', (kind, startServer) => {
  let server: ServerProcess;
  let nodes: [Node, Node];

  beforeEach(async () => {
    server = await startServer();
    afterTest(() => server.kill());
    const settings = { kind, port: server.port };
    nodes = (await Promise.all([Node.start(settings), Node.start(settings)])) as [Node, Node];
  });

  it('the node that serves a reader is killed, and the reader has the whole message from the other one', async () => {
    const [writing, serving] = nodes;
    const sent = await writing.client().send('Hi');
    await sent.untilText('word0 ');
    const reader = (await serving.client().resume())!;
    await reader.untilText('word0 word1 word2 ');
    await serving.child.kill();
    await reader.untilEnd();
    expect(reader.text).not.toBe(whole);
    const resumed = (await writing.client().resume())!;
    expect(await resumed.message()).toBe(await sent.message());
    expect(resumed.text).toBe(whole);
  });

  it('a second message at one node stops the answer of the other', async () => {
    const [one, other] = nodes;
    const first = await one.client().send('Hi');
    await first.untilText('word0 ');
    const second = await other.client().send('No, wait');
    await first.untilEnd();
    expect(first.types.at(-1)).toBe('abort');
    await one.child.untilOutput('aborted');
    await second.untilEnd();
    expect(second.text).toBe(whole);
  });

  it('a stop at one node aborts the model of the other, and all readers are told', async () => {
    const [one, other] = nodes;
    const sent = await one.client().send('Hi');
    await sent.untilText('word0 ');
    const reader = (await other.client().resume())!;
    await reader.untilText('word0 ');
    const stopped = await fetch(`${other.url}/one/stream`, { method: 'DELETE' });
    expect(stopped.status).toBe(204);
    await Promise.all([sent.untilEnd(), reader.untilEnd(), one.child.untilOutput('aborted')]);
    expect(sent.types.at(-1)).toBe('abort');
    expect(await reader.message()).toBe(await sent.message());
    expect(await other.client().resume()).toBeNull();
  });

  it('the node that writes is killed, and the readers of the other are told once', async () => {
    const [writing, serving] = nodes;
    const sent = await writing.client().send('Hi');
    await sent.untilText('word0 ');
    const reader = (await serving.client().resume())!;
    await reader.untilText('word0 ');
    await writing.child.kill();
    await reader.untilEnd();
    expect(reader.chunks.filter(({ type }) => type === 'error')).toEqual([
      { type: 'error', errorText: 'The server that wrote the answer is gone. Try again.' },
    ]);
    expect(whole.startsWith(reader.text)).toBe(true);
    expect(await serving.client().resume()).toBeNull();
    const again = await serving.client().send('Hi');
    await again.untilEnd();
    expect(again.text).toBe(whole);
  });
});
