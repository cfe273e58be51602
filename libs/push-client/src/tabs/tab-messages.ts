import type { StatusChange } from '../link.js';
import type { ServerMessage } from '../protocol/messages.js';
import type { GreetingMessage, RequestMessage } from '../requests.js';

/** The messages that tabs send to the leader. */
export type TabMessage =
  /** Asks whether there is a leader. With `nudge` the leader also connects now, or checks its connection. */
  | { readonly tab: string; readonly nudge?: 'gently' | 'anyway' }
  | { readonly tab: string; readonly era: number; readonly say: RequestMessage };

/** The messages that the leader sends to all tabs. Each connection to the server is an era, with a higher number than the last. */
export type LeaderMessage =
  | {
      readonly era: number;
      /** Whether the connection accepts messages. */
      readonly isUp: boolean;
      /** Whether a tab's catch-up is in progress. */
      readonly isTurn: boolean;
      readonly greeting: GreetingMessage | undefined;
      readonly change: StatusChange;
      /** The code of the error in `change`: a channel does not transfer the fields of an error. */
      readonly code: string | undefined;
    }
  | { readonly era: number; readonly message: ServerMessage; readonly refs?: readonly string[] };
