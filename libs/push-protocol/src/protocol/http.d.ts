import type { GapReason } from './gap.js';
import type { Presence, Publish, PushEvent, Subscribe } from './messages.js';

/** The body of `POST <path>/events`. Each subscription is answered in the stream by its `ref`, in order. */
export interface SubscribeBody {
  readonly subscribe: readonly Subscribe[];
}

/** The body of `POST <path>/publish`. */
export interface PublishBody extends Publish {
  /** The id in the `hello` of the client's own stream: with `echo: false` the event does not go there. */
  readonly connection?: string;
}

/** The answer to `POST <path>/publish`. */
export interface PublishedBody {
  /** Missing if the event is ephemeral. */
  readonly id?: string;
}

/** The body of `POST <path>/presence`. The answer is `{}`. */
export interface PresenceBody extends Presence {
  /** The id in the `hello` of the client's own stream. */
  readonly connection?: string;
}

/** The answer to `GET <path>/history`: see PROTOCOL.md, "History". */
export interface HistoryBody {
  /** Oldest first. */
  readonly events: readonly PushEvent[];
  /** Ask with it for the events before these. Missing at the beginning. */
  readonly before?: string;
  /** Why this is the beginning although there was more. */
  readonly gap?: GapReason;
}

/** The JSON body of every answer that refuses a request. */
export interface RefusalBody {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
  /** For a request of the wrong shape: what is wrong with it, a line for each field. */
  readonly details?: readonly string[];
}
