import { PushModule, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platformsWithHttp2, startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

/** Bob reads what is internal, by a policy. */
@PushTopic('news.:section.>')
class NewsPolicy implements TopicPolicy {
  canSubscribe({ id }: { id: string }, { section }: { section: string }) {
    return id === 'bob' && section === 'secret';
  }
}

const topics: PushOptions['topics'] = [
  { pattern: 'news.internal.>', access: 'authenticated', retention: { events: 5 } },
  { pattern: 'news.secret.>', retention: { events: 5 } },
  { pattern: 'news.>', access: 'public' },
  { pattern: 'users.:id.>', access: 'self', retention: { events: 2 } },
];

function start(platform: Platform) {
  return startApp(platform, {
    imports: [PushModule.forRoot({ authenticate: NameAuthenticator, topics })],
    providers: [Users, NewsPolicy],
  });
}

describe.each(platformsWithHttp2)('rules are asked in order on every door, with %s', (platform) => {
  it.each([
    ['ann', 'news.today.x', true],
    ['ann', 'news.internal.x', true],
    ['ann', 'news.secret.x', false],
    ['ann', 'news.>', false],
    ['ann', 'news.*.x', false],
    ['ann', 'users.ann.>', true],
    ['ann', 'users.bob.x', false],
    ['ann', 'users.*.x', false],
    ['ann', '>', false],
    ['bob', 'news.secret.x', true],
    ['bob', 'news.>', false],
    ['a.b', 'users.a%2Eb.x', true],
    ['a.b', 'users.a.b.x', false],
    ['*', 'users.*.x', false],
  ])('%s and %s: %s', async (user, topic, isGranted) => {
    const app = await start(platform);
    const client = await openWs(app.webSocketUrl(), as(user));
    const answer = await client.subscribe(topic, 'earliest');
    expect(answer).toMatchObject(isGranted ? { event: 'subscribed' } : { event: 'error', code: 'FORBIDDEN' });
    const query = `topic=${encodeURIComponent(topic)}&from=earliest`;
    const reader = await openSse(app.url(`/push/events?${query}`), as(user));
    expect(reader.status).toBe(isGranted ? 200 : 403);
    const messages = await openStream(app.url('/push/events'), {
      method: 'POST',
      headers: { ...as(user).headers, 'content-type': 'application/json' },
      body: JSON.stringify({ subscribe: [{ topics: [topic], ref: 'a' }] }),
    });
    const heard = () => messages.data.join();
    await messages.until(() => /"event":"(live|error)"/.test(heard()));
    expect(heard().includes('"code":"FORBIDDEN"')).toBe(!isGranted);
  });
});

it('what holds for a parameter in a rule also holds for its retention', async () => {
  const app = await start('express');
  for (const n of [1, 2, 3]) await app.bus.publish('users.ann.mail', n);
  const client = await openWs(app.webSocketUrl(), as('ann'));
  await client.subscribe('users.ann.>', 'earliest');
  expect(await client.untilData(2)).toEqual([2, 3]);
});
