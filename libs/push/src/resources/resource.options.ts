import { PushError } from '../contracts/errors.js';
import type { ResourceDeclaration } from './resource.js';
import { checkDeclarations, type CheckedDeclaration } from './resource-plan.js';

/** The three ways in which a resource reaches a client early. Each can be switched off, for the module and for a route. */
export interface ResourceSwitches {
  /** HTTP/2 push (RFC 9113, 8.4), if the client allows it. Default: `true`. Browsers no longer allow it. */
  readonly push?: boolean;
  /**
   * 103 Early Hints (RFC 8297) for GET navigations, if push is not possible. `http2`: over HTTP/2 only. `always`: over HTTP/1.1
   * too; some HTTP/1.1 clients and proxies mistake a 103 for the final response, so test yours. Default: `http2`.
   */
  readonly earlyHints?: 'http2' | 'always' | false;
  /** The `Link` header of the final response. CDNs make a 103 of their own from it. Default: `true`. */
  readonly link?: boolean;
}

/** How pages get their resources early. Every option has a safe default. */
export interface ResourceOptions extends ResourceSwitches {
  /**
   * Resources of every route with `PushInterceptor`, in addition to the route's own; for example
   * `fromViteManifest('dist/.vite/manifest.json')`. Default: none.
   */
  readonly resources?: ResourceDeclaration | readonly ResourceDeclaration[];
  /** Most resources of one response; the others are skipped. Default: 32. */
  readonly maxPerPage?: number;
  /**
   * Most pushed streams that one connection may have open at once, even if the client allows more. Further resources are only in
   * the `Link` header. Default: 16.
   */
  readonly maxConcurrent?: number;
  /** Most paths that are remembered for one connection, so that none is promised twice; the oldest is forgotten first. Default: 256. */
  readonly maxRemembered?: number;
  /**
   * Name of a session cookie with digests of the paths that the client was pushed, so that its next connection is not pushed the
   * same again. It makes the response of the page personal: caches must not share it. A resource whose content changes should
   * change its path. Default: `false`, no cookie.
   */
  readonly cookie?: string | false;
  /**
   * Further headers that a pushed request takes over from the page's request, in lower case: whatever your guards read. Cookies, `authorization`, `user-agent`, `accept-encoding`, `accept-language` and the proxy's `forwarded` family
   * are always taken over. Default: none.
   */
  readonly forwardHeaders?: readonly string[];
}

const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** The options as they hold: checked, with the defaults filled in. */
export interface ResourceSettings extends Required<Omit<ResourceOptions, 'resources'>> {
  readonly resources: readonly CheckedDeclaration[];
}

/** @throws PushError `INVALID_OPTION` */
export function resourceSettingsOf(options: ResourceOptions = {}): ResourceSettings {
  const { cookie = false, forwardHeaders = [] } = options;
  if (cookie !== false && !/^[A-Za-z0-9_-]+$/.test(cookie))
    throw new PushError('INVALID_OPTION', 'cookie must be a name of letters, digits, "_" and "-", or false.');
  if (!forwardHeaders.every((name) => headerName.test(name)))
    throw new PushError('INVALID_OPTION', 'forwardHeaders must be names of headers, in lower case.');
  return {
    push: options.push ?? true,
    earlyHints: options.earlyHints ?? 'http2',
    link: options.link ?? true,
    resources: checkDeclarations([options.resources ?? []].flat()),
    maxPerPage: atLeastOne('maxPerPage', options.maxPerPage ?? 32),
    maxConcurrent: atLeastOne('maxConcurrent', options.maxConcurrent ?? 16),
    maxRemembered: atLeastOne('maxRemembered', options.maxRemembered ?? 256),
    cookie,
    forwardHeaders,
  };
}

function atLeastOne(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new PushError('INVALID_OPTION', `${name} must be a whole number of at least 1.`);
}
