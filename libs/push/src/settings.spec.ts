import { PushError } from './contracts/errors.js';
import { checkExtras, settingsOf } from './settings.js';
import { limitsOf } from './access/limits.js';
import { MemoryBackplane } from './backplane/memory/memory.backplane.js';
import { checkNatsOptions } from './backplane/nats/nats.options.js';
import { checkRedisOptions } from './backplane/redis/redis.options.js';

function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    expect(error).toBeInstanceOf(PushError);
    expect((error as PushError).code).toBe('INVALID_OPTION');
    return (error as Error).message;
  }
  return 'nothing was refused';
}

const wrong: [options: object, message: string][] = [
  [
    { retention: { bytes: NaN } },
    'retention.bytes is NaN; it takes a whole number of bytes of at least 1, or Infinity.',
  ],
  [{ retention: { bytes: 0 } }, 'retention.bytes is 0; it takes'],
  [{ retention: { events: -1 } }, 'retention.events is -1; it takes'],
  [
    { retention: { age: '1h' } },
    'retention.age is "1h"; it takes a number of milliseconds of at least 1, or Infinity.',
  ],
  [
    { retention: 1_000 },
    'retention is 1000; it takes an object with events, age, bytes, bytesPerPublisher, stateBytes.',
  ],
  [{ heartbeat: NaN }, 'heartbeat is NaN; it takes a number of milliseconds from 1 to 2147483647.'],
  [{ heartbeat: 0 }, 'heartbeat is 0; it takes'],
  [{ heartbeat: Infinity }, 'heartbeat is Infinity; it takes'],
  [{ heartbeat: 2 ** 31 }, 'heartbeat is 2147483648; it takes'],
  [{ retry: -5 }, 'retry is -5; it takes'],
  [
    { maxDeliveryDelay: 0 },
    'maxDeliveryDelay is 0; it takes a number of milliseconds of at least 1, or Infinity.',
  ],
  [{ retry: null }, 'retry is null; it takes'],
  [{ shutdownTimeout: '5s' }, 'shutdownTimeout is "5s"; it takes'],
  [{ maxEventBytes: 1.5 }, 'maxEventBytes is 1.5; it takes'],
  [{ websocket: { maxTopics: NaN } }, 'websocket.maxTopics is NaN; it takes'],
  [{ websocket: { maxMessageBytes: -1 } }, 'websocket.maxMessageBytes is -1; it takes'],
  [{ compression: 'yes' }, 'compression is "yes"; it takes true or false.'],
  [{ sse: { heartbeat: 'ping' } }, 'sse.heartbeat is "ping"; it takes "comment" or "event".'],
  [{ sse: { principal: 'user' } }, 'sse.principal is "user"; it takes a function'],
  [{ http2: { earlyHints: true } }, 'http2.earlyHints is true; it takes "http2", "always" or false.'],
  [{ http2: { maxPerPage: 0 } }, 'http2.maxPerPage is 0; it takes a whole number of at least 1.'],
  [{ topics: 'news' }, 'topics is "news"; it takes a list of rules'],
  [
    { topics: [{ pattern: 'a', slow: 'drop' }] },
    'topics[0].slow is "drop"; it takes "gap", "disconnect" or "latest".',
  ],
  [{ topics: [{ pattern: 'a', retention: { events: NaN } }] }, 'topics[0].retention.events is NaN; it takes'],
  [{ topics: [undefined] }, 'topics[0] is undefined; it takes a value.'],
  [{ schemas: [] }, "schemas is a list; it takes an object of patterns and schemas: { 'orders.*': Order }."],
  [{ schemas: { 'a.*': 'Order' } }, 'schemas["a.*"] is "Order"; it takes a class with class-validator'],
  [{ schemas: { 'a.*': undefined } }, 'schemas["a.*"] is null; it takes a class'],
  [{ schemas: { 'a.*': { event: {} } } }, 'schemas["a.*"].event is an object; it takes a class'],
  [
    { schemas: { 'a.*': { evnt: class {} } } },
    'There is no option "schemas["a.*"].evnt". Did you mean "event"?',
  ],
  [{ schemas: { 'a..b': class {} } }, 'schemas["a..b"]: "a..b" is not a topic pattern.'],
  [
    { topics: [{ pattern: 'a', acess: 'public' }] },
    'There is no option "topics[0].acess". Did you mean "access"?',
  ],
  [{ backplane: {} }, 'backplane is an object; it takes a Backplane'],
  [{ authenticate: 'jwt' }, 'authenticate is "jwt"; it takes a class that extends Authenticator.'],
  [{ onError: true }, 'onError is true; it takes a function'],
  [{ allowMissingOrigin: 1 }, 'allowMissingOrigin is 1; it takes true or false.'],
  [
    { trustedProxies: '10.0.0.0/8' },
    'trustedProxies is "10.0.0.0/8"; it takes a list of addresses and networks.',
  ],
  [{ retension: {} }, 'There is no option "retension". Did you mean "retention"?'],
  [{ heartBeat: 1 }, 'There is no option "heartBeat". Did you mean "heartbeat"?'],
  [{ colour: 1 }, 'There is no option "colour". There are: '],
  [
    { websocket: { firstmessage: true } },
    'There is no option "websocket.firstmessage". Did you mean "firstMessage"?',
  ],
];

describe('The options of the module', () => {
  it.each(wrong)('%j are refused, with what was given and what is taken', (options, message) => {
    expect(refusal(() => settingsOf(options))).toContain(message);
  });

  it('have defaults, which undefined does not take away', () => {
    const { retention, heartbeat, websocket } = settingsOf({
      heartbeat: undefined,
      retention: { events: 7, bytes: undefined },
      websocket: { maxTopics: undefined, firstMessage: true },
    });
    expect(retention).toEqual({
      events: 7,
      age: 3_600_000,
      bytes: 67_108_864,
      bytesPerPublisher: 4_194_304,
      stateBytes: 67_108_864,
    });
    expect(heartbeat).toBe(15_000);
    expect(websocket).toMatchObject({ maxTopics: 256, firstMessage: true, extendedConnect: true });
  });

  it('may be lifted where that makes sense', () => {
    settingsOf({ retention: { events: Infinity, age: Infinity, bytes: Infinity }, shutdownTimeout: 0 });
    settingsOf({ topics: [{ pattern: 'live.>', access: 'public', retention: { events: 0 } }] });
  });

  it('are the same for what goes beside them', () => {
    for (const path of ['', '/', 'a b', 'https://a/push', '/push?x', 5])
      expect(refusal(() => checkExtras({ path: path as string }))).toContain('it takes a path');
    expect(refusal(() => checkExtras({ transports: ['ws' as 'sse'] }))).toBe(
      'transports[0] is "ws"; it takes "websocket" or "sse".',
    );
    checkExtras({ path: 'live/push', transports: [], isGlobal: false });
  });

  it('are the same for limits', () => {
    expect(refusal(() => limitsOf({ connections: NaN }))).toContain('limits.connections is NaN; it takes');
    expect(refusal(() => limitsOf({ conections: 5 } as object))).toContain('Did you mean "connections"?');
    expect(refusal(() => limitsOf({ messages: { perSecond: 5, burst: NaN } }))).toContain(
      'limits.messages is',
    );
  });
});

describe('The options of backplanes', () => {
  it.each<[object, string]>([
    [{ feedLength: NaN }, 'feedLength is NaN'],
    [{ prefix: '{push}' }, 'prefix is "{push}"; it takes a string without braces'],
    [{ publishTimeout: Infinity }, 'publishTimeout is Infinity'],
    [{ maxWaiting: 0 }, 'maxWaiting is 0'],
    [{ rememberMessageIds: 0.5 }, 'rememberMessageIds is 0.5'],
    [{ client: {} }, 'client is an object; it takes an ioredis client'],
    [{ uri: 'redis://x' }, 'There is no option "uri". Did you mean "url"?'],
  ])('Redis: %j are refused', (options, message) => {
    expect(refusal(() => checkRedisOptions(options))).toContain(message);
  });

  it.each<[object, string]>([
    [{ stream: 'a.b' }, 'stream is "a.b"; it takes letters'],
    [{ storage: 'disk' }, 'storage is "disk"; it takes "file" or "memory".'],
    [{ replicas: 7 }, 'replicas is 7; it takes a whole number from 1 to 5.'],
    [{ perTopic: NaN }, 'perTopic is NaN'],
    [{ servers: 5 }, 'servers is 5; it takes an address, or a list of addresses.'],
    [{ server: 'nats://x' }, 'There is no option "server". Did you mean "servers"?'],
  ])('NATS: %j are refused', (options, message) => {
    expect(refusal(() => checkNatsOptions(options))).toContain(message);
  });

  it('memory: they are refused too', () => {
    expect(refusal(() => new MemoryBackplane({ maxMessageIds: NaN }))).toContain('maxMessageIds is NaN');
  });
});
