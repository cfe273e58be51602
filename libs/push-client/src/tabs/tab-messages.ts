import type { StatusChange } from '../link.js';
import type { ClientMessage, GreetingMessage, ServerMessage } from '../protocol.js';

/** What tabs say to the leader. */
export type TabMessage =
  /** Who leads? Or: are you there? And: now is a good moment to connect. */
  | { readonly tab: string; readonly nudge?: 'gently' | 'anyway' }
  | { readonly tab: string; readonly era: number; readonly say: ClientMessage };

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
