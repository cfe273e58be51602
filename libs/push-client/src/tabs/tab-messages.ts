import type { StatusChange } from '../link.js';
import type { ServerMessage } from '../protocol/messages.js';
import type { GreetingMessage, RequestMessage } from '../requests.js';

/** What tabs say to the leader. */
export type TabMessage =
  /** Asks for the leader, or whether it is still there. With `nudge`: now is a good moment to connect. */
  | { readonly tab: string; readonly nudge?: 'gently' | 'anyway' }
  | { readonly tab: string; readonly era: number; readonly say: RequestMessage };

/** What the leader says to all tabs. An era is one connection to the server; they rise. */
export type LeaderMessage =
  | {
      readonly era: number;
      /** The connection takes messages. */
      readonly isUp: boolean;
      /** Another tab's catch-up is in progress. */
      readonly isTurn: boolean;
      readonly greeting: GreetingMessage | undefined;
      readonly change: StatusChange;
      /** A channel does not carry the fields of an error: they are beside it. */
      readonly code: string | undefined;
    }
  | { readonly era: number; readonly message: ServerMessage; readonly refs?: readonly string[] };
