import { get, limits, post, type Answer } from './notes-app.js';
import { openStream } from './sse-reader.js';
import type { RunningApp } from './start-app.js';

type Scenario = (app: RunningApp) => Promise<Answer>;

/** Sends the same again and again, until the answer is not 200. */
async function untilRefused(run: () => Promise<Answer>): Promise<Answer> {
  for (let n = 0; n < 50; n++) {
    const answer = await run();
    if (answer.status !== 200) return answer;
  }
  throw new Error('Nothing was refused in 50 requests.');
}

/** A request beside all the streams that a user may have. */
async function besideStream(app: RunningApp, user: string, run: () => Promise<Answer>): Promise<Answer> {
  for (let n = 0; n < limits.connectionsPerPrincipal; n++)
    await openStream(app.url('/api/push/events?topic=notes.a'), {
      headers: { authorization: `Bearer ${user}` },
    });
  return run();
}

const long = 'x'.repeat(9_000);
const large = 'x'.repeat(70_000);
/** Browsers send both: with a cookie the origin matters. */
const evil = { origin: 'https://evil.example', cookie: 'sid=1' };

const note = { topic: 'notes.a', data: { text: 'x' } };

/** How each documented answer is got. */
export const scenarios: Readonly<Record<string, Readonly<Record<number, Scenario>>>> = {
  'get events': {
    200: get('events', '?topic=notes.a'),
    204: get('events', '?topic=notes.a', { headers: { 'last-event-id': 'push.end' } }),
    400: get('events', ''),
    401: get('events', '?topic=notes.a', { user: undefined }),
    403: get('events', '?topic=secrets'),
    413: get('events', `?topic=notes.a&x=${long}`),
    429: (app) => besideStream(app, 'eve', () => get('events', '?topic=notes.a', { user: 'eve' })(app)),
    500: get('events', '?topic=notes.a', { user: 'broken' }),
    503: get('events', '?topic=notes.a'),
  },
  'post events': {
    200: post('events', { subscribe: [] }),
    400: post('events', { subscribe: 5 }),
    401: post('events', { subscribe: [] }, { user: undefined }),
    403: post('events', { subscribe: [] }, { headers: evil }),
    413: post('events', { subscribe: [], large }),
    429: (app) => besideStream(app, 'mia', () => post('events', { subscribe: [] }, { user: 'mia' })(app)),
    500: post('events', { subscribe: [] }, { user: 'broken' }),
    503: post('events', { subscribe: [] }),
  },
  'post publish': {
    200: post('publish', note),
    400: post('publish', { topic: 'notes.a', data: { text: 5 } }, { user: 'bob' }),
    401: post('publish', note, { user: undefined }),
    403: post('publish', { topic: 'secrets', data: 1 }, { user: 'cat' }),
    409: async (app) => {
      await app.bus.publish('cards.1', 1);
      return post('publish', { topic: 'cards.1', data: 2, expect: 'none' }, { user: 'kim' })(app);
    },
    410: async (app) => {
      await app.bus.end('runs.1', { reason: 'done' });
      return post('publish', { topic: 'runs.1', data: 1 }, { user: 'dan' })(app);
    },
    413: post('publish', { topic: 'notes.a', data: { text: large } }, { user: 'dan' }),
    429: (app) => untilRefused(() => post('publish', note, { user: 'flo' })(app)),
    500: post('publish', note, { user: 'broken' }),
    503: post('publish', note),
  },
  'post presence': {
    200: (app) => besideReader(app, 'gil'),
    400: post('presence', { data: 1 }, { user: 'hal' }),
    401: post('presence', note, { user: undefined }),
    403: post('presence', { topic: 'secrets', data: 1 }, { user: 'ida' }),
    413: post('presence', { topic: 'notes.a', data: large }, { user: 'ida' }),
    429: (app) =>
      untilAnswered(429, () => post('presence', { topic: 'notes.a', data: 1 }, { user: 'joe' })(app)),
    500: post('presence', note, { user: 'broken' }),
    503: post('presence', note),
  },
  'get history': {
    200: get('history', '?topic=notes.a&limit=5', { user: 'kim' }),
    400: get('history', '?topic=notes.*', { user: 'kim' }),
    401: get('history', '?topic=notes.a', { user: undefined }),
    403: get('history', '?topic=secrets', { user: 'kim' }),
    413: get('history', `?topic=notes.a&x=${long}`, { user: 'leo' }),
    429: (app) => untilRefused(() => get('history', '?topic=notes.a', { user: 'mo' })(app)),
    500: get('history', '?topic=notes.a', { user: 'broken' }),
    503: get('history', '?topic=notes.a'),
  },
};

/** Sends the same again and again, until it is answered so. */
async function untilAnswered(status: number, run: () => Promise<Answer>): Promise<Answer> {
  for (let n = 0; n < 50; n++) {
    const answer = await run();
    if (answer.status === status) return answer;
  }
  throw new Error(`Nothing was answered ${status} in 50 requests.`);
}

/** What a client says of itself, which reads the topic. */
async function besideReader(app: RunningApp, user: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${user}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ subscribe: [{ topics: ['notes.a'] }] });
  const stream = await openStream(app.url('/api/push/events'), { method: 'POST', headers, body });
  await stream.until(() => stream.body.includes('"live"'));
  const connection = /"connection":"([^"]+)"/.exec(stream.body)![1];
  return post('presence', { topic: 'notes.a', data: { text: 'x' }, connection }, { user })(app);
}
