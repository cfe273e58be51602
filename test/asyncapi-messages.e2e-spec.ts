import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { AsyncApiDocument } from 'nestjs-push/asyncapi';
import { fetched, shop } from './support/described-shop.js';
import { postJson } from './support/post-json.js';
import { as } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

/** Judges what really goes over the wire by the document. */
function judgeOf(document: AsyncApiDocument) {
  const ajv = new Ajv({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addSchema({ $id: 'doc', ...document } as object);
  const { components } = document as unknown as {
    components: { messages: Record<string, { headers?: object }> };
  };
  const check = (pointer: string, value: unknown) => {
    const valid = ajv.compile({ $ref: `doc${pointer}` });
    valid(value);
    return valid.errors?.map(({ instancePath, message }) => `${pointer}${instancePath} ${message}`) ?? [];
  };
  return {
    frame: (message: { event: string }) =>
      Object.hasOwn(components.messages, `websocket.${message.event}`)
        ? check(`#/components/messages/websocket.${message.event}/payload`, message)
        : [`no message ${message.event}`],
    block: ({ type, id, data }: { type: string; id: string; data: string }) => {
      const name = `#/components/messages/sse.${type.startsWith('push.') ? type : 'event'}`;
      const headers = { ...(type !== 'message' && { event: type }), ...(id !== '' && { id }) };
      return [...check(`${name}/headers`, headers), ...check(`${name}/payload`, JSON.parse(data))];
    },
    payload: (schema: string, value: unknown) => check(`#/components/schemas/${schema}`, value),
    message: (channel: string, message: string, value: unknown) =>
      check(`#/channels/${channel}/messages/${message}/payload`, value),
  };
}

it.each<Platform>(['express'])(
  'every message that goes over the sockets of %s is as the document says',
  async (platform) => {
    const app = await startApp(platform, shop());
    const document = JSON.parse((await fetched(app.url('/push/asyncapi.json'))).text) as AsyncApiDocument;
    const judge = judgeOf(document);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.1'], 'snapshot');
    await client.subscribe(['prices.*', 'exports.*', '$presence.orders.1.>', '$run.exports.*'], 'last');
    const stream = await openStream(
      app.url('/push/events?topic=prices.*&topic=exports.1&from=x-1'),
      as('ann'),
    );
    client.send({ event: 'presence', data: { topic: 'orders.1', data: { name: 'Ann' } } });
    expect(
      await client.ask('publish', { topic: 'orders.1', data: { status: 'paid' }, type: 'note' }),
    ).toMatchObject({
      event: 'published',
    });
    expect(await client.ask('publish', { topic: 'orders.1', data: { status: '' } })).toMatchObject({
      event: 'error',
    });
    expect(await client.ask('subscribe', { topics: ['internal.x'] })).toMatchObject({ event: 'error' });
    await app.bus.publish('prices.1', { cents: 5 });
    await app.bus.remove('prices.1');
    await app.bus.publish('exports.1', 'chunk');
    await app.bus.end('exports.1', { reason: 'done' });
    await client.ask('subscribe', { topics: ['prices.1'], from: 'x-1' });
    await client.ask('unsubscribe', { topics: ['prices.*'] });
    await client.until(() => client.all('ended').length > 0 && client.all('gap').length > 0);
    await client.until(() => client.data.length >= 3 && client.all('removed').length > 0);
    await stream.until(() => stream.events.some(({ type }) => type === 'push.ended'));
    await client.until(() =>
      client.all('message').some(({ data }) => (data as { user?: string }).user === 'ann'),
    );

    const seen = new Set(client.messages.map(({ event }) => event));
    for (const name of [
      'hello',
      'subscribed',
      'live',
      'unsubscribed',
      'message',
      'removed',
      'ended',
      'snapshot',
      'published',
      'gap',
      'error',
    ])
      expect(seen).toContain(name);
    expect(client.messages.flatMap(judge.frame)).toEqual([]);
    expect(new Set(stream.events.map(({ type }) => type))).toEqual(
      new Set(['push.gap', 'message', 'push.removed', 'push.ended']),
    );
    expect(stream.events.flatMap(judge.block)).toEqual([]);

    const member = client.all('message').find(({ topic }) => String(topic).startsWith('$presence.'))!;
    expect(judge.message('_presence.orders.id.member', 'state', member.data)).toEqual([]);
    expect(judge.message('orders.id', 'publish', { status: 'paid' })).toEqual([]);
    expect(judge.message('orders.id', 'publish', { status: '' })).not.toEqual([]);
    expect(judge.message('orders.id', 'presence', { name: 'Ann' })).toEqual([]);
    expect(judge.message('prices.token', 'event', { cents: 5 })).toEqual([]);
  },
);

it('a Standard Schema validates what clients publish and say of themselves, and refuses with its words', async () => {
  const app = await startApp('express', shop());
  const client = await openWs(app.webSocketUrl(), as('ann'));
  await client.subscribe('orders.1');
  const wrong = await client.ask('presence', { topic: 'orders.1', data: { name: 'x'.repeat(21) } });
  expect(wrong).toMatchObject({ event: 'error', code: 'INVALID_MESSAGE' });
  expect(JSON.stringify(wrong)).toContain('name: ');
  const over = await postJson(
    app.url('/push/presence'),
    { topic: 'orders.1', data: { name: 7 } },
    as('ann').headers,
  );
  expect(over.status).toBe(400);
});
