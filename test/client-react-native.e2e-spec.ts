import { fork, type ChildProcess } from 'node:child_process';
import { afterTest } from './support/cleanup.js';
import { topicsRead } from './support/client-app.js';
import { startReactSite } from './support/react-site.js';
import { eventually, Watched } from './support/watched.js';

/** An app, and what it says. */
class NativeApp extends Watched {
  readonly said: Record<string, unknown>[] = [];

  constructor(private readonly process: ChildProcess) {
    super();
    process.on('message', (message) => {
      this.said.push(message as Record<string, unknown>);
      this.changed();
    });
  }

  do(...command: string[]): void {
    this.process.send(command);
  }

  of(name: string): unknown[] {
    return this.said.flatMap((message) => (name in message ? [message[name]] : []));
  }

  untilStatus(...expected: string[]): Promise<void> {
    return this.until(() => this.of('status').join().endsWith(expected.join()));
  }
}

describe('An app in React Native', () => {
  it('is connected in the foreground, rests in the background, and misses nothing', async () => {
    const server = await startReactSite();
    const child = fork('test/support/native-app.mjs', [server.url('/push')]);
    afterTest(() => child.kill());
    const app = new NativeApp(child);
    await app.untilStatus('idle');
    // There is no connection yet, and none is made.
    for (const state of ['background', 'active']) app.do('state', state);
    app.do('history');
    await app.until(() => app.of('past').length === 1);
    expect([app.of('status'), server.bus.stats().connections]).toEqual([['idle'], 0]);
    app.do('read');
    await app.until(() => app.of('live').length === 1);
    await server.bus.publish('news.a', 1);
    await app.until(() => app.of('data').length === 1);
    for (let round = 0; round < 3; round++) {
      for (const state of ['inactive', 'background', 'background']) app.do('state', state);
      await app.untilStatus('waiting');
      await eventually(() => server.bus.stats().connections === 0);
      await server.bus.publish('news.a', 2 + round);
      for (const state of ['inactive', 'active', 'inactive', 'active']) app.do('state', state);
      await app.untilStatus('connecting', 'websocket');
      await app.until(() => app.of('data').length === 2 + round);
    }
    await eventually(() => topicsRead(server).join() === 'news.a');
    expect(app.of('data')).toEqual([1, 2, 3, 4]);
    expect(app.of('status').join()).toBe(
      ['idle', 'connecting', 'websocket', ...Array<string>(3).fill('waiting,connecting,websocket')].join(),
    );
    app.do('end');
    await app.until(() => app.of('listeners').length === 1);
    expect([app.of('listeners'), app.of('error')]).toEqual([[0], []]);
  });
});
