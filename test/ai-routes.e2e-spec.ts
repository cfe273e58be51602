import {
  BadRequestException,
  Body,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  Param,
  ParseUUIDPipe,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  ValidationPipe,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { UIMessage } from 'ai';
import { IsArray, IsString } from 'class-validator';
import { ChatStreams, PushChat, type ChatChunk, type ChatSource } from 'nestjs-push/ai';
import { readFile } from 'node:fs/promises';
import type { Observable } from 'rxjs';
import { startChat } from './support/chat-app.js';
import { HandController } from './support/chat-by-hand.js';
import { openSse } from './support/sse-reader.js';
import { platforms } from './support/start-app.js';

interface ChatHttpRequest {
  readonly method: string;
  readonly headers: Record<string, string | undefined>;
  readonly params: { readonly id?: string };
  readonly body?: { readonly id?: string };
}

const uuid = '7c0e5a43-8f5c-4c0e-9f3b-3f1f5d1b6a10';

/** Who asks for a chat, as the application's own code sees it. */
const seen: string[] = [];
beforeEach(() => void seen.splice(0));

const Audit = (value: string) => SetMetadata('audit', value);

/** Lets in those who have the token, into their own chats. */
@Injectable()
class OwnsChat implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, headers, params, body } = context.switchToHttp().getRequest<ChatHttpRequest>();
    const audit = new Reflector().getAllAndOverride<string>('audit', [
      context.getHandler(),
      context.getClass(),
    ]);
    seen.push(`${audit} ${method} ${params.id ?? body?.id}`);
    if (headers.authorization !== 'Bearer owner') throw new ForbiddenException();
    return true;
  }
}

@Injectable()
class Timing implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    seen.push(`intercepted ${context.switchToHttp().getRequest<ChatHttpRequest>().method}`);
    return next.handle();
  }
}

@Catch(BadRequestException)
class Teapot implements ExceptionFilter {
  catch(_: BadRequestException, host: ArgumentsHost): void {
    interface Reply {
      status(code: number): { send(body: unknown): void };
    }
    host.switchToHttp().getResponse<Reply>().status(418).send({ teapot: true });
  }
}

class Sent {
  @IsString()
  id!: string;

  @IsArray()
  messages!: UIMessage[];
}

/** Writes an answer of one word, and then waits until it is stopped. */
const source: ChatSource = async function* (signal) {
  yield { type: 'start' };
  yield { type: 'text-start', id: '1' } as ChatChunk;
  yield { type: 'text-delta', id: '1', delta: 'Hello' } as ChatChunk;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
};

@Controller('guarded')
class GuardedController {
  @PushChat('chats', { pipes: [ParseUUIDPipe] })
  @Audit('chat')
  @UseGuards(OwnsChat)
  @UseInterceptors(Timing)
  @UseFilters(Teapot)
  answer(@Body(new ValidationPipe()) { messages }: Sent): ChatSource {
    seen.push(`${messages.length} messages`);
    return source;
  }
}

/** Puts another function in the place of the method, as decorators for transactions or caches do. */
const Wrapped: MethodDecorator = (_target, _key, descriptor) => {
  const method = descriptor.value as unknown as (...args: unknown[]) => unknown;
  const wrapper = function (this: unknown, ...args: unknown[]) {
    return method.apply(this, args);
  };
  for (const key of Reflect.getMetadataKeys(method))
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), wrapper);
  descriptor.value = wrapper as never;
};

/** What decorates the method from above, and a path with the chat in it. */
@Controller('rooms/:room')
class RoomsController {
  @UseGuards(OwnsChat)
  @Audit('room')
  @Wrapped
  @PushChat('chats/:id')
  answer(@Param('room') room: string): ChatSource {
    seen.push(room);
    return source;
  }
}

/** Returns a stream from a route that is none. */
@Controller('json')
class JsonController {
  constructor(private readonly chats: ChatStreams) {}

  @Get(':id')
  wrong(@Param('id') id: string) {
    return this.chats.resume(id);
  }
}

const controllers = [GuardedController, RoomsController, HandController, JsonController];

const owner = { authorization: 'Bearer owner' };
const json = { 'content-type': 'application/json' };

/** A message of a client. */
function messageOf(id: unknown, headers: Record<string, string> = {}) {
  return { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify({ id, messages: [] }) };
}

describe.each(platforms)('On %s', (platform) => {
  it.each([
    ['POST', '/guarded/chats'],
    ['GET', `/guarded/chats/${uuid}/stream`],
    ['DELETE', `/guarded/chats/${uuid}/stream`],
  ])('A guard and its metadata hold on %s', async (method, path) => {
    const { app } = await startChat({ platform, controllers });
    const request = method === 'POST' ? messageOf(uuid) : { method };
    expect((await fetch(app.url(path), request)).status).toBe(403);
    expect(seen).toEqual([`chat ${method} ${uuid}`]);
  });

  it.each([
    ['POST', '/guarded/chats'],
    ['GET', '/guarded/chats/no-uuid/stream'],
    ['DELETE', '/guarded/chats/no-uuid/stream'],
  ])('A pipe, an interceptor and a filter hold on %s', async (method, path) => {
    const { app } = await startChat({ platform, controllers });
    const request = method === 'POST' ? messageOf('no-uuid', owner) : { method, headers: owner };
    const refused = await fetch(app.url(path), request);
    expect(refused.status).toBe(418);
    expect(await refused.json()).toEqual({ teapot: true });
    expect(seen).toContain(`intercepted ${method}`);
  });

  it.each([
    ['one decorator', `/guarded/chats`, `/guarded/chats/${uuid}/stream`, owner],
    [
      'one decorator with the chat in its path',
      `/rooms/7/chats/${uuid}`,
      `/rooms/7/chats/${uuid}/stream`,
      owner,
    ],
  ])('A chat starts, resumes and stops by %s', async (_, start, stream, headers) => {
    const { app } = await startChat({ platform, controllers });
    const sent = await openSse(app.url(start), messageOf(uuid, headers));
    await sent.untilEvents(3);
    const resumed = await openSse(app.url(stream), { headers });
    await resumed.untilEvents(3);
    const stopped = await fetch(app.url(stream), { method: 'DELETE', headers });
    expect(stopped.ok).toBe(true);
    await Promise.all([sent.untilEnd(), resumed.untilEnd()]);
    expect(sent.data.slice(-2)).toEqual(['{"type":"abort","reason":"cancelled"}', '[DONE]']);
    expect(resumed.data).toEqual(sent.data);
    expect((await fetch(app.url(stream), { headers })).status).toBe(204);
  });

  it('A parameter of the controller and decorators above are those of all three routes', async () => {
    const { app } = await startChat({ platform, controllers });
    const path = `/rooms/7/chats/${uuid}`;
    const sent = await openSse(app.url(path), { method: 'POST', headers: owner });
    expect(sent.status).toBe(200);
    for (const method of ['GET', 'DELETE'])
      await fetch(app.url(`${path}/stream`), { method, headers: owner });
    expect(seen).toEqual([`room POST ${uuid}`, '7', `room GET ${uuid}`, `room DELETE ${uuid}`]);
  });

  it.each([
    ['no id', undefined],
    ['an id that leaves its topic', 'one.two'],
    ['an id that is a wildcard', '>'],
    ['an id that is none', { length: 1 }],
  ])('A message with %s is refused with 400', async (_, id) => {
    const { app } = await startChat({ platform, controllers });
    const refused = await fetch(app.url('/api/chat'), messageOf(id));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'INVALID_MESSAGE' });
  });

  it('An answer that cannot be one is refused with 400, and one that is not known has nothing to read', async () => {
    const { app } = await startChat({ platform, controllers });
    for (const wrong of ['one.*', 'one.%3E', 'one.two.three', '%24x.two'])
      expect((await fetch(app.url(`/api/chat/${wrong}/stream?startIndex=0`))).status).toBe(400);
    expect((await fetch(app.url('/api/chat/one.two/stream?startIndex=0'))).status).toBe(204);
  });

  it('A wrong startIndex is refused with 400', async () => {
    const { app } = await startChat({ platform, controllers });
    for (const wrong of ['x', '1.5', '', '9'.repeat(20)])
      expect((await fetch(app.url(`/api/chat/one/stream?startIndex=${wrong}`))).status).toBe(400);
  });

  it('The OpenAPI document has its routes with their parameters', async () => {
    const { app } = await startChat({ platform, controllers });
    const { paths } = SwaggerModule.createDocument(app.nest, new DocumentBuilder().build());
    const described = Object.entries(paths)
      .filter(([path]) => /^\/(guarded|rooms)\//.test(path))
      .flatMap(([path, { get, post, delete: stop }]) =>
        Object.entries({ get, post, stop })
          .filter(([, operation]) => operation)
          .map(([name, operation]) => {
            const parameters = (operation!.parameters ?? []) as { name: string; required?: boolean }[];
            const shown = parameters.map((each) => `${each.name}${each.required ? '' : '?'}`).toSorted();
            return [name, path, ...(operation!.requestBody ? ['a body'] : []), ...shown].join(' ');
          }),
      );
    expect(described.toSorted()).toEqual([
      'get /guarded/chats/{id}.{run}/stream id run startIndex?',
      'get /guarded/chats/{id}/stream id startIndex?',
      'get /rooms/{room}/chats/{id}.{run}/stream id room run startIndex?',
      'get /rooms/{room}/chats/{id}/stream id room startIndex?',
      'post /guarded/chats a body',
      // A function that takes the place of the method takes its parameters from the document, as on any route.
      'post /rooms/{room}/chats/{id}',
      'stop /guarded/chats/{id}/stream id',
      'stop /rooms/{room}/chats/{id}/stream id room',
    ]);
  });

  it('A stream that a route without @Sse() returns is an error, and not JSON', async () => {
    const { app } = await startChat({ platform, controllers });
    expect((await fetch(app.url('/json/one'))).status).toBe(500);
  });

  it('A chat starts, resumes and stops by routes by hand', async () => {
    const { app } = await startChat({ platform, controllers });
    const [start, stream] = [app.url('/hand/chats'), app.url('/hand/chats/one/stream')];
    const sent = await openSse(start, { method: 'POST', headers: json, body: JSON.stringify({ id: 'one' }) });
    expect(await sent.untilEnd()).toContain('"delta":"Hello"');
    expect(sent.data.at(-1)).toBe('[DONE]');
    expect((await fetch(stream)).status).toBe(204);
    expect((await fetch(stream, { method: 'DELETE' })).status).toBe(204);
  });
});

it.each(['chat-example', 'chat-by-hand'])('The documentation shows what runs here: %s', async (name) => {
  const page = await readFile('libs/push/docs/ai.md', 'utf8');
  expect(page).toContain(`\`\`\`ts\n${await readFile(`test/support/${name}.ts`, 'utf8')}\`\`\``);
});
