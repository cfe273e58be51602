import { redisBackplane } from 'nestjs-push/redis';
import { startChat } from './support/chat-app.js';
import { ChatClient } from './support/chat-client.js';
import { afterTest } from './support/cleanup.js';
import { LateNode } from './support/late-node.js';
import { startRedis } from './support/servers.js';
import { eventually } from './support/watched.js';

/** Two nodes, of which the second has not read yet that the first writes an answer. */
async function answering() {
  const server = await startRedis();
  afterTest(() => server.dispose());
  const url = `redis://127.0.0.1:${server.port}`;
  const late = new LateNode({ url });
  const [writing, reading] = await Promise.all([
    startChat({ push: { backplane: redisBackplane({ url }) } }),
    startChat({ push: { backplane: late } }),
  ]);
  await eventually(async () => (await reading.app.bus.health()).ready);
  late.hold();
  afterTest(() => late.release());
  const sent = await ChatClient.at(writing.app.url('/api/chat')).send('Hi');
  const answer = await writing.script.answer(1);
  answer.say('Hello');
  await sent.untilText('Hello');
  return { late, answer, url: reading.app.url('/api/chat') };
}

/** What a request to the late node comes to, which reads on as soon as it has asked where the log is. */
async function whenAsked<T>({ late }: { late: LateNode }, request: () => Promise<T>): Promise<T> {
  const before = late.asked;
  const result = request();
  await Promise.race([result, eventually(() => late.asked > before)]);
  late.release();
  return result;
}

describe('A node that has not read yet of an answer that another one has begun', () => {
  it('serves it nevertheless', async () => {
    const { answer, url, ...late } = await answering();
    const reader = await whenAsked(late, () => ChatClient.at(url).resume());
    answer.say(' there');
    answer.finish();
    await reader!.untilEnd();
    expect(reader!.text).toBe('Hello there');
  });

  it('stops it nevertheless', async () => {
    const { answer, url, ...late } = await answering();
    const stopped = await whenAsked(late, () => fetch(`${url}/one/stream`, { method: 'DELETE' }));
    expect(stopped.status).toBe(204);
    await eventually(() => answer.signal!.aborted);
  });
});
