import { setImmediate as turn } from 'node:timers/promises';
import { PushLifecycle, PushModule } from 'nestjs-push';
import { platformsWithHttp2, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

const topics = [{ pattern: 'a.>', access: 'public' as const }];

/*
 * Events are written to the socket beside `ws`, which writes everything else. A frame within another would break the
 * client's parser: it closes with 1002 or 1007.
 */
describe.each(platformsWithHttp2)('Frames of all kinds on %s', (platform) => {
  it('keep their order beside shared writes: events, answers, pings, pongs, and the close last', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot({ topics, heartbeat: 2_000 })] });
    const client = await openWs(app.webSocketUrl());
    await client.subscribe('a.>');
    const pongs: string[] = [];
    client.socket.on('pong', (data) => pongs.push(data.toString()));
    const rounds: number[] = [];
    const large = 'x'.repeat(40_000);
    // The server's own ping comes with a heartbeat: rounds go on until it is among them.
    for (let round = 0; round < 60 || client.pings.length === 0; round++) {
      rounds.push(round);
      client.socket.ping(String(round));
      client.send({ event: 'unsubscribe', data: { topics: ['never'], ref: String(round) } });
      for (let event = 0; event < 20; event++) {
        const text = event === 7 ? large : '';
        void app.bus.publish('a.1', { round, event, text });
      }
      // Answers come while events are on their way, and the other way round.
      await client.until(() => client.all('unsubscribed').length > round - 3);
    }
    await client.untilData(rounds.length * 20);
    await client.until(() => client.all('unsubscribed').length === rounds.length);
    await eventually(() => pongs.length === rounds.length);
    void app.bus.publish('a.1', 'the last');
    await app.bus.publish('a.1', 'the very last');
    // Both are written at the end of the turn: then comes the close.
    await turn();
    void app.nest.get(PushLifecycle).drain();
    expect(await client.untilClosed()).toEqual({ code: 1012, reason: 'drain' });
    expect(client.data).toEqual([
      ...rounds.flatMap((round) =>
        Array.from({ length: 20 }, (_, event) => ({ round, event, text: event === 7 ? large : '' })),
      ),
      'the last',
      'the very last',
    ]);
    expect(pongs).toEqual(rounds.map(String));
    expect(client.all('unsubscribed').map(({ ref }) => ref)).toEqual(rounds.map(String));
    expect(client.messages.at(-1)!.event).toBe('drain');
  });
});
