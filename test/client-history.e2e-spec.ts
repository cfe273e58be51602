import { historyOf } from 'nestjs-push-client/history';
import { start } from './support/history-app.js';
import { numbers } from './support/numbers.js';
import { NameAuthenticator } from './support/roles.js';

describe('historyOf() of the client', () => {
  it('reads pages with the credentials of the client, up to the beginning', async () => {
    const app = await start('express', { authenticate: NameAuthenticator });
    await app.bus.publishMany(numbers(5).map((data) => ({ topic: 'rooms.1', data })));
    const history = historyOf<{ 'rooms.*': number }>(app.url('/push'), { token: () => 'ann' });
    const newest = await history('rooms.1', { limit: 3 });
    const older = await history('rooms.1', { limit: 3, before: newest.before });
    const data: number[] = [...older.events, ...newest.events].map((event) => event.data);
    expect([data, older.before, older.gap]).toEqual([numbers(5), undefined, undefined]);
  });

  it('rejects as the server refuses, and when it cannot be reached', async () => {
    const app = await start('express', { authenticate: NameAuthenticator });
    const history = historyOf(app.url('/push'), { token: () => 'bob' });
    await expect(history('rooms.1')).rejects.toMatchObject({ code: 'FORBIDDEN', retryable: false });
    await expect(history('rooms.1', { limit: 0 })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      details: ['limit has to be a whole number from 1 to 1000'],
    });
    await expect(history('rooms.1', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    await app.close();
    await expect(history('rooms.1')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });
});
