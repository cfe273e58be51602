import { PushError } from '../contracts/errors.js';
import type { ResourceDeclaration } from './resource.js';
import { checkDeclarations, type CheckedDeclaration } from './resource-plan.js';

/** The three ways in which a resource reaches a client early; each can be switched off, for the module and per route. */
export interface ResourceSwitches {
  /** HTTP/2 push (RFC 9113, 8.4), where the client allows it. Default: `true`. Browsers allow it no more. */
  readonly push?: boolean;
  /**
   * 103 Early Hints (RFC 8297), where no push is possible, for GET navigations. `http2`: over HTTP/2 only. `always`: over
   * HTTP/1.1 too; some HTTP/1.1 clients and proxies take a 103 for the answer, so know yours. Default: `http2`.
   */
  readonly earlyHints?: 'http2' | 'always' | false;
  /** The `Link` header of the final response, from which CDNs make a 103 of their own. Default: `true`. */
  readonly link?: boolean;
}

/** How pages get their resources early. Every field has a default that is safe to leave. */
export interface ResourceOptions extends ResourceSwitches {
  /**
   * Resources of every route that `PushInterceptor` is on, after the route's own; for example
   * `fromViteManifest('dist/.vite/manifest.json')`. Default: none.
   */
  readonly resources?: ResourceDeclaration | readonly ResourceDeclaration[];
  /** Resources of one response at most; the rest is skipped. Default: 32. */
  readonly maxPerPage?: number;
  /**
   * Pushed streams that one connection may have open at once, whatever more the client allows; further resources are
   * left to the `Link` header. Default: 16.
   */
  readonly maxConcurrent?: number;
  /** Paths that are remembered of one connection as promised or asked for, so as not to promise them again; the oldest is forgotten first. Default: 256. */
  readonly maxRemembered?: number;
  /**
   * Name of a cookie in which the client carries digests of what it was pushed, so that its next connection is not pushed
   * the same again. It lives as long as the browser session and makes the page's response personal: caches must not share
   * it. Resources whose content changes should change their path. Default: `false`, no cookie.
   */
  readonly cookie?: string | false;
  /**
   * Further headers of the page's request that the pushed request has too, in lower case: whatever your guards read.
   * Cookies, `authorization`, `user-agent`, `accept-encoding`, `accept-language` and the proxy's `forwarded` family
   * always go along. Default: none.
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
