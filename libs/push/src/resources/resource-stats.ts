/**
 * Why a resource, or a hint, was not sent. The `Link` header names the resource all the same.
 *
 * - `promised`: the connection was promised this path before, or has got it by asking for it
 * - `digest`: the client's cookie says that it has it
 * - `concurrency`: too many pushed streams are open on the connection
 * - `limit`: the response has more resources than `maxPerPage`; only these are not in the `Link` header either
 * - `invalid`: a function named something that is not fit for a header, or threw
 * - `unavailable`: the page's stream or connection could carry nothing early any more
 * - `protocol`: a 103 that HTTP/1.x clients may not understand; `earlyHints: 'always'` allows it over HTTP/1.1
 * - `request`: a 103 for a request that is no GET navigation
 */
export type ResourceSkip =
  'promised' | 'digest' | 'concurrency' | 'limit' | 'invalid' | 'unavailable' | 'protocol' | 'request';

/** What became of resources since the start of this node. */
export interface ResourceStats {
  /** PUSH_PROMISE frames. */
  readonly promised: number;
  /** Bytes of pushed responses' bodies that were handed to HTTP/2. */
  readonly pushedBytes: number;
  /** Pushes that the client reset, or left with its connection, before they were complete. */
  readonly refused: number;
  /** Pushes that this node called off, because the application's answer was no success or its file could not be read. */
  readonly failed: number;
  /** 103 responses. */
  readonly hints: number;
  /** Resources skipped, and for `protocol` and `request` responses that got no 103. */
  readonly skipped: Readonly<Record<ResourceSkip, number>>;
}

/** The counters behind {@link ResourceStats}. */
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
