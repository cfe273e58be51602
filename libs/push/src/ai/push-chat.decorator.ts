import {
  Body,
  Delete,
  HttpCode,
  Inject,
  Param,
  Query,
  RequestMethod,
  Sse,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { PushError } from '../contracts/errors.js';
import { answersOnce, parametersEnd } from '../platform/route-metadata.js';
import { describedAs, describeTexts, indexQuery, named, pathTexts } from './chat-openapi.js';
import type { ChatSource } from './chat-source.js';
import { ChatStreams, type StartChatOptions } from './chat-streams.js';

/** How the routes of `@PushChat()` work. */
export interface PushChatRouteOptions extends StartChatOptions {
  /** Pipes for the id of the chat, on all three routes: `[ParseUUIDPipe]`. Default: none. */
  readonly pipes?: readonly (Type<PipeTransform> | PipeTransform)[];
}

type Method = (this: object, ...args: never[]) => unknown;
type Handler = (this: Hosting, ...args: unknown[]) => unknown;

/** Where a controller with such routes has what serves them. */
const streams = Symbol('ChatStreams');

interface Hosting {
  readonly [streams]: ChatStreams;
}

/**
 * The three routes of a chat, for the clients of the AI SDK, on the method that begins to write an answer:
 *
 * ```ts
 * @Controller('api')
 * class ChatController {
 *   @PushChat('chat')
 *   @UseGuards(OwnsChat)
 *   async answer(@Body() { messages }: ChatRequest) {
 *     const prompt = await convertToModelMessages(messages);
 *     return (signal: AbortSignal) =>
 *       streamText({ model, messages: prompt, abortSignal: signal }).toUIMessageStream();
 *   }
 * }
 * ```
 *
 * `POST chat` starts: the method runs after guards and pipes, and returns what writes the answer. `GET chat/:id/stream` reads the
 * answer that is being written, from its beginning, or answers 204. `DELETE chat/:id/stream` stops it, and answers 204. What
 * decorates the method (guards, interceptors, filters, pipes, metadata) holds on all three.
 *
 * The id of the chat is `id` in the body of the `POST`, where the clients send it. If `path` has a parameter `:id`, it is that.
 *
 * @param path the route's path, below that of the controller
 */
export function PushChat(path = '', { pipes = [], ...options }: PushChatRouteOptions = {}) {
  return <Answer extends (...args: never[]) => ChatSource | Promise<ChatSource>>(
    target: object,
    key: string,
    descriptor: TypedPropertyDescriptor<Answer>,
  ): void => {
    Inject(ChatStreams)(target, streams);
    const base = path.replace(/\/+$/, '');
    const isInPath = /(^|\/):id(\/|$)/.test(base);
    const chat = isInPath ? base : `${base}/:id`;

    const own = parametersEnd(target.constructor as Type<object>, key);
    (isInPath ? Param : Body)('id', ...pipes)(target, key, own);
    describeTexts(target, key, own, 1);
    const texts = pathTexts(target, key, chat);
    const start = startOf(descriptor.value as unknown as Method, own, options);
    descriptor.value = named(key, start) as unknown as Answer;
    Sse(base, { method: RequestMethod.POST })(target, key, descriptor);
    HttpCode(200)(target, key, descriptor);

    const resumeAt = (suffix: string, route: string, ...more: ParameterDecorator[]) => {
      const resume = add(target, key, suffix, function (id, startIndex, run) {
        const options = { run: run as string | undefined, startIndex: indexOf(startIndex) };
        return this[streams].resume(chatOf(id), options);
      });
      resume.parameters(Param('id', ...pipes), Query('startIndex'), ...more);
      resume.decorate(Sse(route), HttpCode(200), describedAs([...texts, indexQuery]));
    };
    // What a client has from `x-workflow-run-id` is the chat and the run. Guards and pipes get the chat of it.
    if (chat.endsWith(':id')) resumeAt('ResumeRun', `${chat}.:run/stream`, Param('run'));
    resumeAt('Resume', `${chat}/stream`);

    const stop = add(target, key, 'Stop', async function (id) {
      await this[streams].stop(chatOf(id));
    });
    stop.parameters(Param('id', ...pipes));
    stop.decorate(Delete(`${chat}/stream`), HttpCode(204), answersOnce, describedAs(texts));
  };
}

/** The handler that starts what the method returns. @param own the index of the id of the chat among its arguments */
function startOf(method: Method, own: number, options: StartChatOptions): Handler {
  const start: Handler = async function (...args) {
    const id = chatOf(args[own]);
    const source = await (method as Handler).apply(this, args.slice(0, own));
    return this[streams].start(id, source as ChatSource, options);
  };
  // It has the metadata that decorators below this one have given the method.
  return Object.setPrototypeOf(start, method) as Handler;
}

/** Adds a route that has the metadata of another one, besides its own. */
function add(target: object, key: string, suffix: string, handler: Handler) {
  const name = key + suffix;
  Object.setPrototypeOf(named(name, handler), latest(target, key));
  const descriptor = { value: handler, writable: true, configurable: true };
  Object.defineProperty(target, name, descriptor);
  return {
    parameters(...all: ParameterDecorator[]) {
      all.forEach((each, index) => each(target, name, index));
      describeTexts(target, name, 0, all.length);
    },
    decorate: (...all: MethodDecorator[]) => all.forEach((each) => each(target, name, descriptor)),
  };
}

/**
 * What a handler inherits from, to have the metadata of a method as it is when the routes are built. Decorators above this one run
 * later, and some put another function in the method's place: what guards the method has to guard its other routes too.
 */
function latest(target: object, key: string): object {
  const getPrototypeOf = () => (target as Record<string, object>)[key]!;
  return new Proxy(Function.prototype, { getPrototypeOf });
}

/** @throws PushError `INVALID_MESSAGE` */
function chatOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new PushError('INVALID_MESSAGE', 'The request has no chat: send its id as "id".');
}

/** @throws PushError `INVALID_MESSAGE` */
function indexOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const index = typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(index)) return index;
  throw new PushError('INVALID_MESSAGE', 'startIndex has to be a whole number.');
}
