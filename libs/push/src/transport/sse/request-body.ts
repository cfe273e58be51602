import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { assertHarmless } from '../../access/json-shape.js';
import { PushError } from '../../contracts/errors.js';
import { isObject } from '../../clients/message-fields.js';
import { raw, type RawRequest } from '../../platform/raw-response.js';

/** The headers that describe the body of a request. */
const bodyHeaders = ['content-type', 'content-length', 'transfer-encoding', 'content-encoding'] as const;

/** The body headers of each claimed request, hidden from the application's body parsers. */
const claims = new WeakMap<object, IncomingHttpHeaders>();

/** The limits of a body. */
export interface BodyBounds {
  readonly maxBytes: number;
  /** How long the body may take to arrive, in milliseconds. */
  readonly timeout: number;
  /** How deep its JSON may be nested. */
  readonly maxDepth: number;
  /** Aborts when the body is no longer needed. */
  readonly signal?: AbortSignal;
}

/**
 * Keeps the application's body parsers away from requests that push reads itself: Express and Fastify see a request without a
 * body. The result of a parser would depend on its options (a limit, a reviver, the media types that it accepts), and some
 * applications have no parser.
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

/** Restores the body headers for the code that runs after the application's body parsers. */
export function restoreBodyHeaders(request: RawRequest): void {
  const claim = claims.get(request);
  for (const name of bodyHeaders) if (claim?.[name] !== undefined) request.headers[name] = claim[name];
}

/**
 * Reads the JSON object in the body of a request. No byte of the body is read earlier.
 *
 * @param wrapped the request as Express or Fastify wrap it. Without a Node server in front of them, as in serverless functions
 * and Fastify's `inject()`, their parsers have read the body already.
 * @throws PushError `INVALID_MESSAGE`, `DATA_TOO_LARGE`, `LIMIT_EXCEEDED` when it takes too long, `CLOSED` when the client left
 */
export async function readMessage(
  wrapped: RawRequest | { readonly raw: RawRequest },
  bounds: BodyBounds,
): Promise<object> {
  const request = raw<RawRequest>(wrapped);
  const { body } = wrapped as { readonly body?: unknown };
  // Without a parser in the application, nobody has read the body of another route either.
  const isUnread = (claims.has(request) || body === undefined) && !request.readableDidRead;
  const message = isUnread ? parse(await read(request, bounds)) : parsed(body, bounds);
  assertHarmless(message, bounds.maxDepth);
  if (!isObject(message)) throw new PushError('INVALID_MESSAGE', 'The body has to be a JSON object.');
  return message;
}

/** Checks the size of a body that the application's parser has read, and parses it if that has not. */
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

/** Reads the body up to the limits. */
async function read(request: RawRequest, bounds: BodyBounds): Promise<Buffer> {
  const {
    'content-type': type = '',
    'content-length': length,
    'content-encoding': encoding,
  } = request.headers;
  // Pages of any origin may send other types without a CORS preflight.
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
      // Discards the rest of the body.
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
    // It has emitted "close" already.
    if (request.destroyed) left();
  });
}

function assertSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
}

function tooLarge(bytes: number, maxBytes: number): PushError {
  return new PushError('DATA_TOO_LARGE', `The message has ${bytes} bytes; ${maxBytes} are allowed.`);
}
