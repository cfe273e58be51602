import type { IncomingHttpHeaders } from 'node:http';
import { PushError } from '../contracts/errors.js';
import { mediaTypeOf, type ResourceDestination } from './media-types.js';

/** A resource of a page that a client should have before it requests it. */
export interface Resource {
  /** Absolute path on the page's own authority, with its query if it has one; percent-encoded, at most 2,048 characters. */
  readonly path: string;
  /** How the page uses it (`as`). Default: by the extension of the path; `fetch` if that is unknown. */
  readonly as?: ResourceDestination;
  /** `modulepreload` for JavaScript modules. Default: `preload`. */
  readonly rel?: 'preload' | 'modulepreload';
  /** Media type: of the hint, and of the response if `file` is given. Default: none in the hint, by extension for a file. */
  readonly type?: string;
  /**
   * The CORS mode of the page's request: MUST agree with the page's own element, or browsers fetch it twice. Default: `anonymous`
   * for fonts and for `fetch`, which always use CORS mode; otherwise none.
   */
  readonly crossOrigin?: 'anonymous' | 'use-credentials';
  readonly fetchPriority?: 'high' | 'low' | 'auto';
  /** Subresource integrity, as in the page's element. */
  readonly integrity?: string;
  /** A media query: browsers fetch the resource only if it matches. */
  readonly media?: string;
  /**
   * A file that is pushed directly from disk: the application does not handle the pushed request, so no guard, hook or
   * interceptor runs. The application MUST answer `path` as well, for clients without push.
   */
  readonly file?: string;
  /** Of `file`: pushes only these bytes, the first and the last one counted from 0, as a `206`. Default: all. */
  readonly range?: { readonly start: number; readonly end: number };
}

/** A request of Express or Fastify. */
export interface ResourceRequest {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly originalUrl: string;
  readonly headers: IncomingHttpHeaders;
}

/** Returns the resources of one request. It runs before the page's handler, so it is synchronous. If it throws, none is offered. */
export type ResourceSource<Request = ResourceRequest> = (
  request: Request,
) => string | Resource | readonly (string | Resource)[] | undefined;

/** A path, a path with attributes, or a function that returns them for a request. */
export type ResourceDeclaration<Request = ResourceRequest> = string | Resource | ResourceSource<Request>;

export interface ResourceFile {
  readonly path: string;
  readonly contentType: string;
  readonly range?: { readonly start: number; readonly end: number };
}

const maxPathLength = 2_048;
// RFC 3986: one "/", then path and query. No "//", which would name another authority, and no fragment.
const pathGrammar = /^\/(?!\/)[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$/;
// What a quoted string may hold without escapes, and "<" and ">", which some parsers of Link take for a target.
const quotable = /^[ !#-;=?-[\]-~]+$/;
const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Node counts in 32 bits what it sends from a file. */
export const maxFileOffset = 2 ** 31 - 1;

const destinations: ReadonlySet<string> = new Set<ResourceDestination>([
  'audio',
  'document',
  'fetch',
  'font',
  'image',
  'script',
  'style',
  'track',
  'video',
  'worker',
]);

/**
 * A resource whose parts are all safe in a header. It is checked once, and its link is printed once.
 *
 * @throws PushError `INVALID_OPTION` if a part could break out of the header, or is not valid
 */
export class CheckedResource {
  readonly path: string;
  /** One link-value of a `Link` header (RFC 8288). */
  readonly link: string;
  readonly file?: ResourceFile;

  constructor(declaration: string | Resource) {
    const resource = typeof declaration === 'string' ? { path: declaration } : declaration;
    this.path = checkPath(resource.path);
    this.link = `<${this.path}>${linkParameters(resource).join('')}`;
    this.file = fileOf(resource);
  }
}

function checkPath(path: unknown): string {
  if (typeof path === 'string' && path.length <= maxPathLength && pathGrammar.test(path)) return path;
  throw invalid(
    `${print(path)} is not a path that can be pushed. Give an absolute path on the same authority, for example` +
      ` "/style.css": one leading "/", percent-encoded, no fragment, ${maxPathLength} characters at most.`,
  );
}

function linkParameters(resource: Resource): string[] {
  const rel = oneOf('rel', resource.rel ?? 'preload', ['preload', 'modulepreload']);
  const as = resource.as ?? (rel === 'preload' ? mediaTypeOf(resource.path).destination : undefined);
  const crossOrigin = resource.crossOrigin ?? (as === 'font' || as === 'fetch' ? 'anonymous' : undefined);
  return [
    parameter('rel', rel),
    parameter('as', oneOf('as', as, [...destinations])),
    parameter('type', resource.type),
    parameter('crossorigin', oneOf('crossOrigin', crossOrigin, ['anonymous', 'use-credentials'])),
    parameter('fetchpriority', oneOf('fetchPriority', resource.fetchPriority, ['high', 'low', 'auto'])),
    parameter('integrity', resource.integrity),
    parameter('media', resource.media),
  ];
}

function parameter(name: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || !quotable.test(value))
    throw invalid(
      `${print(value)} cannot be the "${name}" of a pushed resource. Use visible ASCII characters and spaces,` +
        ' without quotes, backslashes, "<" and ">".',
    );
  return token.test(value) ? `; ${name}=${value}` : `; ${name}="${value}"`;
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): string | undefined {
  if (value === undefined || allowed.includes(value)) return value;
  throw invalid(`${print(value)} cannot be the "${name}" of a pushed resource. Use ${allowed.join(', ')}.`);
}

function fileOf({ path, file, type, range }: Resource): ResourceFile | undefined {
  if (file === undefined) {
    if (range)
      throw invalid(`The range of ${print(path)} needs a file: give "file" as well, or leave it out.`);
    return undefined;
  }
  if (typeof file !== 'string' || file === '' || file.includes('\0'))
    throw invalid(`${print(file)} is not a file. Give the file's path on disk.`);
  if (range && !isRange(range))
    throw invalid(
      `The range of ${print(path)} makes no sense: give the first and the last byte, { start: 0, end: 65535 }.`,
    );
  return { path: file, contentType: type ?? mediaTypeOf(file).contentType, range };
}

function isRange({ start, end }: { start: number; end: number }): boolean {
  return (
    Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end >= start && end <= maxFileOffset
  );
}

function invalid(message: string): PushError {
  return new PushError('INVALID_OPTION', message);
}

/** Escapes the value: a line break in it could forge a line of the log. */
function print(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : `A value of type ${typeof value}`;
}
