import { Controller, Param, ParseIntPipe } from '@nestjs/common';
import { ApiResponse, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { PushLifecycle, PushModule, PushSse } from 'nestjs-push';
import { scenarios } from './support/documented-answers.js';
import { post, start, type Answer } from './support/notes-app.js';
import { platforms, startApp } from './support/start-app.js';

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
