import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';
import type { GapNotice, GapReason } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';

/** What a client is told of a gap: events of its subscription are gone. */
export interface GapExtensions extends GraphQLErrorExtensions {
  readonly code: 'GAP';
  /** Why they are gone. */
  readonly reason: GapReason;
  /** The topics and patterns of the subscription that have lost events. */
  readonly topics: readonly string[];
  /** Where the subscription goes on, as an event's id: the `after` of a client that subscribes again. */
  readonly id: string;
  /** The topics hold state: it follows as a whole, and the client forgets what it has of them. */
  readonly reset?: true;
}

/**
 * An error in the place of an event. Whatever a resolver reads of the event throws it, and GraphQL takes it for an error also where
 * a resolver returns it: so the client gets a result with errors, by every transport.
 */
export class PushEventError extends GraphQLError {
  private wasRead = false;

  /** @param cause what has ended the subscription; `undefined` if it goes on */
  constructor(message: string, extensions: GraphQLErrorExtensions, cause?: PushError) {
    super(message, { extensions, originalError: cause });
    // Whoever makes a result of it reads these. A filter that drops it does not.
    Object.defineProperty(this, 'extensions', { enumerable: true, get: () => this.read(extensions) });
  }

  /** @internal */
  static ofGap({ reason, topics, id, reset }: GapNotice): PushEventError {
    const message = `Events of ${topics.join(', ')} are gone (${reason}). Load the state again.`;
    const extensions: GapExtensions = { code: 'GAP', reason, topics, id, ...(reset && { reset }) };
    return new PushEventError(message, extensions);
  }

  /** @internal */
  static ofFailure(error: PushError): PushEventError {
    return new PushEventError(error.message, { ...error.extensions }, error);
  }

  /** Whether somebody was told: an error that nobody was told of must not get lost. @internal */
  get wasTold(): boolean {
    return this.wasRead;
  }

  get id(): never {
    throw this;
  }

  get topic(): never {
    throw this;
  }

  get type(): never {
    throw this;
  }

  get data(): never {
    throw this;
  }

  get meta(): never {
    throw this;
  }

  private read(extensions: GraphQLErrorExtensions): GraphQLErrorExtensions {
    this.wasRead = true;
    return extensions;
  }
}
