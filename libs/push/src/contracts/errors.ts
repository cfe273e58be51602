/**
 * The codes of all errors that this library throws. Codes are stable, so that programs may switch on them. Messages are for
 * people.
 *
 * | code | meaning |
 * | --- | --- |
 * | `INVALID_TOPIC` | a topic or a pattern does not follow the grammar of {@link assertTopic} |
 * | `INVALID_TYPE` | an event type is empty, too long, reserved, or holds a control character |
 * | `INVALID_OPTION` | an option of the module, of `publish` or of `stream` makes no sense |
 * | `DATA_NOT_SERIALIZABLE` | the data is not JSON: a function, `undefined`, a BigInt, a cycle |
 * | `DATA_TOO_LARGE` | the data, as JSON, is larger than `maxEventBytes` |
 * | `INVALID_MESSAGE` | a client sent a message that does not follow the protocol |
 * | `UNAUTHENTICATED` | authentication failed, is missing or has expired |
 * | `FORBIDDEN` | no rule or policy grants the client this topic |
 * | `CONFLICT` | the newest event of the topic is not the one that was expected; `currentId` names it |
 * | `ENDED` | the topic has ended: nothing more can be published to it |
 * | `LIMIT_EXCEEDED` | one of the configured limits is reached |
 * | `SNAPSHOT_FAILED` | the state of a topic could not be loaded: its `@PushSnapshot()` method failed, or took too long |
 * | `TOO_SLOW` | a client missed events that are no longer retained, on a topic whose policy is to disconnect it |
 * | `UNAVAILABLE` | the backplane or the server cannot do it now; the same call may succeed later |
 * | `CLOSED` | the application is shutting down |
 * | `WRONG_ADAPTER` | the application's adapter cannot carry push |
 * | `INTERNAL` | an unexpected failure; details are in the server's log only |
 */
export type PushErrorCode =
  | 'INVALID_TOPIC'
  | 'INVALID_TYPE'
  | 'INVALID_OPTION'
  | 'DATA_NOT_SERIALIZABLE'
  | 'DATA_TOO_LARGE'
  | 'INVALID_MESSAGE'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'CONFLICT'
  | 'ENDED'
  | 'LIMIT_EXCEEDED'
  | 'SNAPSHOT_FAILED'
  | 'TOO_SLOW'
  | 'UNAVAILABLE'
  | 'CLOSED'
  | 'WRONG_ADAPTER'
  | 'INTERNAL';

const statusOf: Record<PushErrorCode, number> = {
  INVALID_TOPIC: 400,
  INVALID_TYPE: 400,
  INVALID_OPTION: 500,
  DATA_NOT_SERIALIZABLE: 400,
  DATA_TOO_LARGE: 413,
  INVALID_MESSAGE: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  CONFLICT: 409,
  ENDED: 410,
  LIMIT_EXCEEDED: 429,
  SNAPSHOT_FAILED: 503,
  TOO_SLOW: 503,
  UNAVAILABLE: 503,
  CLOSED: 503,
  WRONG_ADAPTER: 500,
  INTERNAL: 500,
};

const retryableCodes: ReadonlySet<PushErrorCode> = new Set([
  'LIMIT_EXCEEDED',
  'SNAPSHOT_FAILED',
  'TOO_SLOW',
  'UNAVAILABLE',
  'CLOSED',
]);

/** What a {@link PushError} may carry besides its message. */
export interface PushErrorOptions extends ErrorOptions {
  readonly details?: readonly string[];
  /** `false` for a limit that does not pass with time: the answer is 400, not 429; and for a snapshot that is too large. Default: it depends on the code. */
  readonly retryable?: boolean;
  /** For `CONFLICT`: the id of the newest event, if there is one. */
  readonly currentId?: string;
}

/** What a {@link PushError} says to programs, in the `extensions` of a GraphQL error. */
export interface PushErrorExtensions {
  readonly code: PushErrorCode;
  readonly retryable: boolean;
  readonly details?: readonly string[];
  readonly currentId?: string;
}

/**
 * The only error this library throws on purpose. The message says what to do next; `cause` holds what led to it.
 *
 * `status`, `statusCode` and `expose` are the convention of http-errors, so that Nest answers with the right HTTP
 * status (400, 403, 409, 410, 413, 503) without a filter.
 */
export class PushError extends Error {
  override readonly name = 'PushError';
  readonly status: number;
  readonly statusCode: number;
  /** Whether the message may be shown to clients. */
  readonly expose: boolean;
  /** For invalid input: one line for each field that is wrong. */
  readonly details?: readonly string[];
  /** For `CONFLICT`: the id of the newest event of the topic, or of its removal; `undefined` if there is none. */
  readonly currentId?: string;
  /** Whether the same call, unchanged, may succeed later. */
  readonly retryable: boolean;

  constructor(
    readonly code: PushErrorCode,
    message: string,
    options?: PushErrorOptions,
  ) {
    super(message, options);
    if (options?.details) this.details = options.details;
    if (options?.currentId !== undefined) this.currentId = options.currentId;
    this.retryable = options?.retryable ?? retryableCodes.has(code);
    this.status = this.statusCode = code === 'LIMIT_EXCEEDED' && !this.retryable ? 400 : statusOf[code];
    this.expose = this.status !== 500;
  }

  /** What a client of GraphQL is told besides the message: `graphql` copies it to the `extensions` of its own error. */
  get extensions(): PushErrorExtensions {
    const { code, retryable, details, currentId } = this;
    return { code, retryable, ...(details && { details }), ...(currentId !== undefined && { currentId }) };
  }
}
