import { IsInt, IsString, Length, Min } from 'class-validator';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DeclaredPolicy } from '../access/application-classes.js';
import { policyPatternOf, PushTopic, type TopicPolicy } from '../access/topic-policy.js';
import { addressOf, channelNameOf } from './channel-address.js';
import { documentOf, type Described } from './document.js';

class Status {
  @IsString()
  @Length(1, 20)
  status!: string;
}

class Price {
  @IsInt()
  @Min(0)
  cents!: number;
}

class Guest {
  @IsString()
  name!: string;
}

@PushTopic('orders.:id', { payload: Status })
class OrdersPolicy implements TopicPolicy<Status> {
  canSubscribe = () => true;
  canPublish = () => true;
}

@PushTopic('rooms.:room', { presence: Guest })
class RoomsPolicy implements TopicPolicy {}

function declared(...types: (new () => TopicPolicy)[]): DeclaredPolicy[] {
  return types.map((type) => ({ ...policyPatternOf(type)!, policy: new type() }));
}

const shop: Described = {
  path: '/api/push',
  websocket: true,
  http: true,
  authenticates: true,
  topics: [
    { pattern: 'orders.*', retention: { events: 100, age: Infinity } },
    {
      pattern: 'prices.>',
      access: 'public',
      state: true,
      documentation: { description: 'What things cost.', payload: Price },
    },
    { pattern: 'rooms.:room', access: 'authenticated', presence: true },
    { pattern: 'exports.:id', access: 'self', finite: true },
    { pattern: 'audit.>' },
    { pattern: 'beta', access: 'public', documentation: { hidden: true } },
  ],
  policies: declared(OrdersPolicy, RoomsPolicy),
  snapshots: ['orders.*'],
  schemas: [],
};

const options = { title: 'Shop', version: '2.1.0', url: 'https://shop.example/edge/' };

/** JSON, as it is sent. */
function sent(
  described: Described,
  more: object = {},
): Record<string, Record<string, Record<string, unknown>>> {
  return JSON.parse(JSON.stringify(documentOf(described, { ...options, ...more }))) as never;
}

it('the document of a shop, as it was', () => {
  const golden = fileURLToPath(new URL('shop.golden.json', import.meta.url));
  expect(sent(shop)).toEqual(JSON.parse(readFileSync(golden, 'utf8')));
});

it('the same declarations make the same text', () => {
  const again = { ...shop, policies: declared(RoomsPolicy, OrdersPolicy).reverse() };
  expect(JSON.stringify(documentOf(again, options))).toBe(JSON.stringify(documentOf(shop, options)));
});

it('topics that no client may read or publish are left out, and those that are hidden', () => {
  const text = JSON.stringify(documentOf(shop, options));
  expect(text).not.toMatch(/audit|beta/);
  expect(text).toContain('prices.{rest}');
});

it('a rule that no topic reaches, because an earlier one has the same pattern, has no channel of its own', () => {
  const topics = [
    { pattern: 'news', access: 'public' as const },
    { pattern: 'news', access: 'authenticated' as const, state: true },
  ];
  const { channels } = sent({ ...shop, topics, policies: [], snapshots: [] });
  expect(Object.keys(channels!).filter((name) => name.startsWith('news'))).toEqual(['news']);
  expect(channels!.news!['x-push-topic']).toEqual({ pattern: 'news', access: 'public' });
});

it('only the doors that are open are servers, and have channels', () => {
  const only = (doors: Partial<Described>) => sent({ ...shop, ...doors });
  expect(Object.keys(only({ http: false }).servers!)).toEqual(['websocket']);
  expect(Object.keys(only({ websocket: false }).servers!)).toEqual(['http']);
  const closed = only({ http: false, websocket: false });
  expect(closed.servers).toBeUndefined();
  expect(Object.keys(closed.channels!)).not.toContain('websocket');
});

it('the host is open without a URL, and so is nothing else', () => {
  const { servers } = sent(shop, { url: undefined });
  expect(servers!.websocket).toMatchObject({
    host: '{host}',
    protocol: 'ws',
    variables: { host: { default: 'localhost' } },
  });
  expect(sent(shop).servers!.websocket).toMatchObject({
    host: 'shop.example',
    pathname: '/edge',
    protocol: 'wss',
  });
});

it('without an authenticator nothing is said of credentials; schemes of the application take the place of ours', () => {
  expect(JSON.stringify(documentOf({ ...shop, authenticates: false }, options))).not.toContain('security');
  const cookie = { type: 'httpApiKey', in: 'cookie', name: 'sid' };
  const { components } = sent(shop, { security: { cookie } });
  expect(components!.securitySchemes).toEqual({ cookie });
});

it('names of topics that the document, or JavaScript, uses itself are changed', () => {
  const names = ['websocket', 'events', 'http.publish', '__proto__', 'a', 'a!', 'a?'];
  const topics = names.map((pattern) => ({ pattern, access: 'public' as const }));
  const { channels } = sent({ ...shop, topics, policies: [], snapshots: [] });
  const found = Object.entries(channels!).map(([name, { address }]) => [name, address]);
  expect(found.slice(0, names.length)).toEqual([
    ['websocket_2', 'websocket'],
    ['events_2', 'events'],
    ['http.publish_2', 'http.publish'],
    ['proto', '__proto__'],
    ['a', 'a'],
    ['a_', 'a!'],
    ['a__2', 'a?'],
  ]);
});

it.each([
  [['orders.:id'], 'orders.{id}', ['id']],
  [['orders.*', 'orders.:id'], 'orders.{id}', ['id']],
  [['*'], '{token}', ['token']],
  [['*.x.*'], '{token1}.x.{token3}', ['token1', 'token3']],
  [['users.:id.>'], 'users.{id}.{rest}', ['id', 'rest']],
  [['a.:rest.>'], 'a.{rest}.{rest2}', ['rest', 'rest2']],
  [['a.:x/y.:x+y'], 'a.{x_y}.{x_y2}', ['x_y', 'x_y2']],
  [['a.:__proto__'], 'a.{proto}', ['proto']],
])('the address of %j', (patterns, address, parameters) => {
  const place = addressOf(...patterns);
  expect([place.address, Object.keys(place.parameters)]).toEqual([address, parameters]);
  expect(channelNameOf(address)).toMatch(/^[\w.-]+$/);
});
