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

/** The options as they hold: checked at start, defaults filled in. Also the injection token. */
export class ResourceSettings implements Required<ResourceSwitches> {
  readonly push: boolean;
  readonly earlyHints: 'http2' | 'always' | false;
  readonly link: boolean;
  readonly resources: readonly CheckedDeclaration[];
  readonly maxPerPage: number;
  readonly maxConcurrent: number;
  readonly maxRemembered: number;
  readonly cookie: string | false;
  readonly forwardHeaders: readonly string[];

  /** @throws PushError `INVALID_OPTION` */
  constructor(options: ResourceOptions = {}) {
    this.push = options.push ?? true;
    this.earlyHints = options.earlyHints ?? 'http2';
    this.link = options.link ?? true;
    this.resources = checkDeclarations([options.resources ?? []].flat());
    this.maxPerPage = atLeastOne('maxPerPage', options.maxPerPage ?? 32);
    this.maxConcurrent = atLeastOne('maxConcurrent', options.maxConcurrent ?? 16);
    this.maxRemembered = atLeastOne('maxRemembered', options.maxRemembered ?? 256);
    this.cookie = options.cookie ?? false;
    this.forwardHeaders = options.forwardHeaders ?? [];
    if (this.cookie !== false && !/^[A-Za-z0-9_-]+$/.test(this.cookie))
      throw new PushError(
        'INVALID_OPTION',
        'cookie must be a name of letters, digits, "_" and "-", or false.',
      );
    for (const name of this.forwardHeaders)
      if (!headerName.test(name))
        throw new PushError('INVALID_OPTION', 'forwardHeaders must be names of headers, in lower case.');
  }
}

function atLeastOne(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new PushError('INVALID_OPTION', `${name} must be a whole number of at least 1.`);
}
