import { post, startWithDashboard } from './support/dashboard.js';

it.each([
  [{ connections: [] }],
  [{ connections: 'all' }],
  [{ connections: { user: 1 } }],
  [{ connections: { topic: 'x'.repeat(256) } }],
  [{ connections: { user: { length: 1, includes: true } } }],
  [{ topics: { pattern: 'x'.repeat(256) } }],
  [{ topic: 'a.*' }],
  [{ topic: 'a b' }],
  [{ topic: '$dashboard.x' }],
  [{ tail: '' }],
  [{ tail: 'a..b' }],
  [{ tail: '$dashboard.>' }],
  [{ tail: Array(40).fill('a').join('.') }],
  [{ look: -1 }],
  [{ look: 1.5 }],
  [{ view: 'short' }],
  [{ view: ['a'.repeat(22)] }],
  [{ view: `${'a'.repeat(22)}.b` }],
])('A look that makes no sense is refused: %j', async (parts) => {
  const app = await startWithDashboard('express');
  const body = { view: 'a'.repeat(22), ...parts };
  const answer = await post(app.url('/push/dashboard/look'), body);
  expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'INVALID_MESSAGE' }]);
});

it('Looks that are too large, too deep, or would reach a prototype are refused, and so are too many', async () => {
  const app = await startWithDashboard('express');
  const url = app.url('/push/dashboard/look');
  const view = 'a'.repeat(22);
  const status = async (body: unknown) => (await post(url, body)).status;
  expect(await status({ view, x: 'x'.repeat(9_000) })).toBe(413);
  expect(await status(`{"view":"${view}","x":${'['.repeat(500)}${']'.repeat(500)}}`)).toBe(400);
  expect(await status(`{"view":"${view}","__proto__":{"tail":">"}}`)).toBe(400);
  const answers = await Promise.all(Array.from({ length: 200 }, () => status({ view, tail: '>' })));
  expect(answers).toContain(429);
  expect(answers).toContain(204);
});
