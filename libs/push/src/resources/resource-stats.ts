/**
 * Why a resource, or a hint, was not sent. The `Link` header names the resource all the same.
 *
 * - `promised`: the connection was promised this path before, or has requested it
 * - `digest`: according to its cookie the client has the resource
 * - `concurrency`: too many pushed streams are open on the connection
 * - `limit`: the response has more resources than `maxPerPage`; only these are not in the `Link` header either
 * - `invalid`: a function returned something that cannot be put in a header, or threw
 * - `unavailable`: the page's stream or connection was closed, or its response was begun
 * - `protocol`: a 103 that HTTP/1.x clients may not understand; `earlyHints: 'always'` allows it over HTTP/1.1
 * - `request`: a 103 for a request that is not a GET navigation
 */
export type ResourceSkip =
  'promised' | 'digest' | 'concurrency' | 'limit' | 'invalid' | 'unavailable' | 'protocol' | 'request';

/** Counts what has happened to resources since this node has started. */
export interface ResourceStats {
  /** PUSH_PROMISE frames. */
  readonly promised: number;
  /** Bytes of pushed responses' bodies that were handed to HTTP/2. */
  readonly pushedBytes: number;
  /** Pushes that the client reset, or whose connection ended, before they were complete. */
  readonly refused: number;
  /** Pushes that this node cancelled, because the application did not answer 2xx or a file could not be read. */
  readonly failed: number;
  /** 103 responses. */
  readonly hints: number;
  /** Resources skipped, and for `protocol` and `request` responses that got no 103. */
  readonly skipped: Readonly<Record<ResourceSkip, number>>;
}

/** The counters of {@link ResourceStats}. */
export class ResourceCounters implements ResourceStats {
  promised = 0;
  pushedBytes = 0;
  refused = 0;
  failed = 0;
  hints = 0;
  readonly skipped: Record<ResourceSkip, number> = {
    promised: 0,
    digest: 0,
    concurrency: 0,
    limit: 0,
    invalid: 0,
    unavailable: 0,
    protocol: 0,
    request: 0,
  };

  snapshot(): ResourceStats {
    const { promised, pushedBytes, refused, failed, hints, skipped } = this;
    return { promised, pushedBytes, refused, failed, hints, skipped: { ...skipped } };
  }
}
