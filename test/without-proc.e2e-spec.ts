import { NewsProcess } from './support/news-process.js';
import { openStream } from './support/sse-reader.js';
import { openWs } from './support/ws-client.js';

/** Where there is no /proc, a client whose network is gone is noticed later (by TCP): all else is the same. */
const wrapper = ['env', 'NODE_OPTIONS=--import=./test/support/without-proc.mjs'];

it('Without /proc the module starts, streams, looks for dead clients, counts and drains', async () => {
  const push = { topics: [{ pattern: 'news.>', access: 'public' }], heartbeat: 1_000 };
  const server = await NewsProcess.start({ push }, wrapper);
  const socket = await openWs(`ws://127.0.0.1:${server.port}/push`);
  await socket.subscribe('news.a');
  const stream = await openStream(`http://127.0.0.1:${server.port}/push/events?topic=news.a`);
  // It has looked at its clients, and found no table of the kernel's: twice, so the first look has harmed nothing.
  await server.child.until(() => server.child.output.split('no /proc').length > 4);
  await server.ask('say', { topic: 'news.a', data: 'x' });
  expect(await socket.untilData(1)).toEqual(['x']);
  await stream.until(() => stream.data.length === 1);
  expect(await server.ask('stats')).toMatchObject({ connections: 2 });
  server.child.process.kill('SIGTERM');
  expect((await socket.untilClosed()).code).toBe(1012);
  await stream.untilEnd();
  await server.child.untilExit();
  expect(server.child.output).not.toMatch(/Error|Warning|ENOENT/);
});
