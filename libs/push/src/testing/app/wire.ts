import type { ServerMessage } from '../../protocol/messages.js';

/** What a client opens a connection with. */
export interface WireRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Is told of what comes over a connection. */
export interface WireListener {
  /** A message of PROTOCOL.md. Those of an event stream are told in the same words. */
  told(message: ServerMessage): void;
  /** It is over. @param code of a WebSocket's close frame */
  closed(code?: number): void;
}

/** The connection of a test client. */
export interface Wire {
  /** Its port on the client's side. */
  readonly port: number;
  /** Sends a message. Missing on an event stream, where there is none. */
  send?(message: object): void;
  /** Closes it in the regular way. */
  close(): void;
  /** Destroys its socket, as a network does that breaks. */
  destroy(): void;
}
