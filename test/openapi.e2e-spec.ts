import { Controller, ForbiddenException, Injectable, Module, Param, ParseIntPipe } from '@nestjs/common';
import { ApiResponse, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { IsString } from 'class-validator';
import {
  Authenticator,
  PushLifecycle,
  PushModule,
  PushSse,
  PushTopic,
  type Handshake,
  type Principal,
  type PublishContext,
  type TopicParams,
  type TopicPolicy,
} from 'nestjs-push';
import { request, type IncomingMessage } from 'node:http';
import { openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform, type RunningApp } from './support/start-app.js';

class NoteDto {
  @IsString()
  text!: string;
}

@PushTopic('notes.*', { payload: NoteDto })
class NotesPolicy implements TopicPolicy<NoteDto> {
  canPublish = () => true;

  transform(_: Principal, __: TopicParams, { data }: PublishContext<NoteDto>) {
    if (data.text === 'spam') throw new ForbiddenException('This looks like spam.');
    return data;
  }
}

@PushTopic('runs.*')
class RunsPolicy implements TopicPolicy {
  canPublish = () => true;
}

@PushTopic('cards.*')
class CardsPolicy implements TopicPolicy {
  canPublish = () => true;
}

/** The token is the user's name. */
@Injectable()
class Names extends Authenticator {
  authenticate({ token }: Handshake) {
    if (token === 'broken') throw new Error('The database of users is away.');
    return token ? { id: token } : undefined;
  }
}

@Module({ providers: [NotesPolicy, RunsPolicy, CardsPolicy] })
class Policies {}

/** Small limits, so that each can be reached. */
const limits = {
  connectionsPerPrincipal: 2,
  publish: { perSecond: 0.01, burst: 3 },
  subscribe: { perSecond: 0.01, burst: 3 },
};

function start(platform: Platform, prefix = 'api'): Promise<RunningApp> {
  const push = PushModule.forRoot({
    topics: [
      { pattern: 'notes.*', access: 'authenticated', presence: true },
      { pattern: 'runs.*', access: 'authenticated', finite: true },
      { pattern: 'cards.*', state: true },
    ],
    authenticate: Names,
    limits,
  });
  return startApp(platform, { imports: [Policies, push] }, (nest) =>
    nest.setGlobalPrefix(prefix).enableVersioning({ type: 0, defaultVersion: '2' }),
  );
}

interface Sent {
  readonly method?: string;
  readonly query?: string;
  readonly user?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** An answer, as far as it came: of a stream the head. */
interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

function send(
  app: RunningApp,
  endpoint: string,
  { method = 'GET', query = '', user, headers, body }: Sent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = {
      'push-refusals': 'status',
      ...(user && { authorization: `Bearer ${user}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    };
    const sent = request(
      app.url(`/api/push/${endpoint}${query}`),
      { method, headers: all, agent: false },
      (response) => {
        const { statusCode: status = 0, headers: own } = response;
        let text = '';
        const done = () => resolve({ status, headers: own, text });
        response.setEncoding('utf8').on('error', done).on('end', done);
        response.on('data', (chunk: string) => {
          text += chunk;
          // A stream would not end.
          if (status === 200 && own['content-type'] === 'text/event-stream') response.destroy();
        });
        response.on('close', done);
      },
    );
    sent.on('error', (error) => reject(new Error(`${method} ${endpoint} ${user}: ${error.message}`)));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

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
const post =
  (endpoint: string, body: unknown, more: Sent = {}) =>
  (app: RunningApp) =>
    send(app, endpoint, { method: 'POST', user: 'ann', body, ...more });
const get =
  (endpoint: string, query: string, more: Sent = {}) =>
  (app: RunningApp) =>
    send(app, endpoint, { user: 'ann', query, ...more });

const note = { topic: 'notes.a', data: { text: 'x' } };

/** How each documented answer is got. */
const scenarios: Readonly<Record<string, Readonly<Record<number, Scenario>>>> = {
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

it.each(platforms)('what a policy refuses on %s has its status, a code and its words', async (platform) => {
  const app = await start(platform);
  const answers = [
    await post('publish', { topic: 'notes.a', data: { text: 'spam' } })(app),
    await post('publish', { topic: 'notes.a', data: { text: 5, more: 1 } })(app),
  ];
  expect(answers.map(({ text }) => JSON.parse(text) as object)).toEqual([
    { statusCode: 403, code: 'FORBIDDEN', message: 'This looks like spam.' },
    {
      statusCode: 400,
      code: 'INVALID_MESSAGE',
      message: 'property more should not exist; text must be a string.',
      details: ['property more should not exist', 'text must be a string'],
    },
  ]);
  for (const { headers } of answers) expect(headers['cache-control']).toBe('no-store');
});

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: object;
  readonly responses: Record<string, { content?: Record<string, { schema: object }>; headers?: object }>;
}

function operationOf(document: OpenAPIObject, name: string): Operation {
  const [method, endpoint] = name.split(' ') as ['get' | 'post', string];
  return document.paths[`/api/push/${endpoint}`]![method] as unknown as Operation;
}

describe.each(platforms)('the OpenAPI document on %s', (platform) => {
  it('is valid, and its paths have the prefix but no version', async () => {
    const app = await start(platform);
    const document = SwaggerModule.createDocument(app.nest, new DocumentBuilder().setTitle('x').build());
    expect(Object.keys(document.paths).toSorted()).toEqual(
      ['events', 'history', 'presence', 'publish'].map((name) => `/api/push/${name}`),
    );
    const { valid, errors } = await new Validator().validate(structuredCopy(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    for (const operation of Object.keys(scenarios).map((name) => operationOf(document, name)))
      for (const { schema } of operation.parameters ?? [])
        expect(() => new Ajv({ strict: false }).compile(schema)).not.toThrow();
  });

  it('says each status that is answered, with its body and headers, and no other', async () => {
    const app = await start(platform);
    const document = SwaggerModule.createDocument(app.nest, new DocumentBuilder().build());
    const names = Object.keys(scenarios);
    for (const name of names)
      expect([name, Object.keys(operationOf(document, name).responses)]).toEqual([
        name,
        Object.keys(scenarios[name]!),
      ]);
    const all = names.flatMap((name) =>
      Object.entries(scenarios[name]!).map(([status, run]) => ({ name, status, run })),
    );
    const draining = all.filter(({ status }) => status === '503');
    const problems: string[] = [];
    for (const { name, status, run } of all.filter(({ status: each }) => each !== '503'))
      problems.push(...problemsOf(document, name, status, await run(app)));
    await app.nest.get(PushLifecycle).drain();
    for (const { name, status, run } of draining)
      problems.push(...problemsOf(document, name, status, await run(app)));
    expect(problems).toEqual([]);
  });
});

@Controller('shops/:shop')
class OrdersController {
  @PushSse('orders/:id/events', 'shops.:shop.orders.:id')
  declared() {}

  @PushSse('orders/:id/notes', 'orders.:id.notes')
  @ApiResponse({ status: 404, description: 'There is no such order' })
  taken(@Param('id', ParseIntPipe) _id: number) {}
}

it.each(platforms)(
  'a @PushSse() route on %s has its parameters, and the answers of a stream',
  async (platform) => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot()],
      controllers: [OrdersController],
    });
    const document = SwaggerModule.createDocument(app.nest, new DocumentBuilder().setTitle('x').build());
    const { declared, taken } = {
      declared: document.paths['/shops/{shop}/orders/{id}/events']!.get as unknown as Operation,
      taken: document.paths['/shops/{shop}/orders/{id}/notes']!.get as unknown as Operation,
    };
    const parametersOf = ({ parameters }: Operation) =>
      parameters!.map(({ in: place, name, schema }) => [place, name, (schema as { type: string }).type]);
    expect(parametersOf(declared)).toEqual([
      ['path', 'id', 'string'],
      ['path', 'shop', 'string'],
      ['header', 'Last-Event-ID', 'string'],
    ]);
    expect(parametersOf(taken)).toEqual([
      ['path', 'id', 'number'],
      ['header', 'Last-Event-ID', 'string'],
    ]);
    expect(Object.keys(declared.responses)).toEqual(['200', '204']);
    expect(Object.keys(declared.responses['200']!.content!)).toEqual(['text/event-stream']);
    expect(Object.keys(taken.responses)).toEqual(['200', '204', '404']);
  },
);

function structuredCopy(document: OpenAPIObject): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
}

/** What of an answer is not as the document says. */
function problemsOf(document: OpenAPIObject, name: string, status: string, answer: Answer): string[] {
  const at = `${name} ${status}`;
  if (String(answer.status) !== status) return [`${at}: it is ${answer.status} ${answer.text.slice(0, 300)}`];
  const { content, headers = {} } = operationOf(document, name).responses[status]!;
  const missing = Object.keys(headers).filter((header) => !(header.toLowerCase() in answer.headers));
  const problems = missing.map((header) => `${at}: no ${header}`);
  if (!content) return answer.text === '' ? problems : [...problems, `${at}: a body`];
  const [[type, { schema }]] = Object.entries(content) as [[string, { schema: object }]];
  if (!answer.headers['content-type']?.startsWith(type)) return [...problems, `${at}: not ${type}`];
  if (type !== 'application/json') return problems;
  const valid = new Ajv({ strict: false }).compile(schema);
  valid(JSON.parse(answer.text));
  return [...problems, ...(valid.errors ?? []).map(({ message }) => `${at}: ${message} ${answer.text}`)];
}
