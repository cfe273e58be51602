import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { assertHarmless } from '../../access/json-shape.js';
import { PushError } from '../../contracts/errors.js';
import { isObject } from '../../clients/message-fields.js';
import { raw, type RawRequest } from '../../platform/raw-response.js';

/** What says of a request that it has a body, and in which form. */
const bodyHeaders = ['content-type', 'content-length', 'transfer-encoding', 'content-encoding'] as const;

/** What a request says of its body, and nobody else gets to see. */
const claims = new WeakMap<object, IncomingHttpHeaders>();

/** What bounds a body. */
export interface BodyBounds {
  readonly maxBytes: number;
  /** Milliseconds that it may take to come. */
  readonly timeout: number;
  /** How deep its JSON may be nested. */
  readonly maxDepth: number;
  /** Aborted when nobody wants it any more. */
  readonly signal?: AbortSignal;
}

/**
 * Keeps the application's body parsers away from requests that push reads itself: to Express and Fastify they look as if they
 * had no body. What a parser makes of one depends on its options (a limit, a reviver, the media types that it takes), and some
 * applications have none.
 *
 * @param server Node's HTTP server
 * @param isOurs whether push reads the body of a POST to this URL
 */
export function claimBodies(server: EventEmitter, isOurs: (url: string) => boolean): void {
  server.prependListener('request', (request: RawRequest) => {
    if (request.method !== 'POST' || !isOurs(request.url ?? '')) return;
    const claim: IncomingHttpHeaders = {};
    for (const name of bodyHeaders) {
      claim[name] = request.headers[name];
      delete request.headers[name];
    }
    claims.set(request, claim);
  });
}

/** Lets those see a request's headers who come after the application's body parsers. */
export function unveil(request: RawRequest): void {
  const claim = claims.get(request);
  for (const name of bodyHeaders) if (claim?.[name] !== undefined) request.headers[name] = claim[name];
}

/**
 * The JSON object in the body of a request. Nothing of it is read before this is called.
 *
 * @param wrapped the request as Express or Fastify have it: where no server of Node's is in front, as in serverless functions
 * and Fastify's `inject()`, their parsers have been there first
 * @throws PushError `INVALID_MESSAGE`, `DATA_TOO_LARGE`, `LIMIT_EXCEEDED` when it takes too long, `CLOSED` when the client left
 */
export async function readMessage(
  wrapped: RawRequest | { readonly raw: RawRequest },
  bounds: BodyBounds,
): Promise<object> {
  const request = raw<RawRequest>(wrapped);
  const { body } = wrapped as { readonly body?: unknown };
  const isClaimed = claims.has(request) && !request.readableDidRead;
  const message = isClaimed ? parse(await read(request, bounds)) : parsed(body, bounds);
  assertHarmless(message, bounds.maxDepth);
  if (!isObject(message)) throw new PushError('INVALID_MESSAGE', 'The body has to be a JSON object.');
  return message;
}

/** What the application's parser has made of a body. */
function parsed(body: unknown, { maxBytes }: BodyBounds): unknown {
  const isBytes = typeof body === 'string' || Buffer.isBuffer(body);
  assertSize(isBytes ? Buffer.byteLength(body) : Buffer.byteLength(JSON.stringify(body) ?? ''), maxBytes);
  return isBytes ? parse(Buffer.from(body as string)) : body;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    throw new PushError('INVALID_MESSAGE', 'The body is not JSON in UTF-8.');
  }
}

/** Reads no more than is allowed. */
async function read(request: RawRequest, bounds: BodyBounds): Promise<Buffer> {
  const {
    'content-type': type = '',
    'content-length': length,
    'content-encoding': encoding,
  } = request.headers;
  // Pages of any origin may send the other types, without asking.
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type))
    throw new PushError('INVALID_MESSAGE', 'The body has to have the Content-Type application/json.');
  if (encoding !== undefined && encoding !== 'identity')
    throw new PushError(
      'INVALID_MESSAGE',
      `The body may not be packed; its Content-Encoding is ${encoding}.`,
    );
  assertSize(Number(length ?? 0), bounds.maxBytes);
  return collect(request, bounds);
}

function collect(request: RawRequest, { maxBytes, timeout, signal }: BodyBounds): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (error?: PushError) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', left);
      request.off('data', take).off('end', ended).off('close', left).off('error', left);
      // What else comes is not kept.
      request.on('error', () => undefined).resume();
      if (error) reject(error);
      else resolve(Buffer.concat(chunks));
    };
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) end(tooLarge(bytes, maxBytes));
    };
    const ended = () => end();
    const left = () => end(new PushError('CLOSED', 'The client left before its message was there.'));
    const late = () => end(new PushError('LIMIT_EXCEEDED', 'The body took too long to come.'));
    const timer = setTimeout(late, timeout);
    request.on('data', take).on('end', ended).on('close', left).on('error', left);
    signal?.addEventListener('abort', left, { once: true });
    // Its "close" has been.
    if (request.destroyed) left();
  });
}

function assertSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
}

function tooLarge(bytes: number, maxBytes: number): PushError {
  return new PushError('DATA_TOO_LARGE', `The message has ${bytes} bytes; ${maxBytes} are allowed.`);
}
