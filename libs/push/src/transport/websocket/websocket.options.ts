/** How WebSocket connections are kept. */
export interface WebSocketOptions {
  /** Largest message of a client, in bytes; larger ones close the connection with 1009. Default: 65,536. */
  readonly maxMessageBytes?: number;
  /** How many topics and patterns a connection may have. Default: 256. */
  readonly maxTopics?: number;
  /**
   * Whether a client whom the authenticator does not know at the handshake may connect, and authenticate by its first
   * message, `authenticate`, within `limits.firstMessageTimeout`. Default: `false`, which refuses it with 401.
   */
  readonly firstMessage?: boolean;
  /**
   * Whether clients may compress what they send (RFC 7692). What the server sends is shared by all, and never is. It
   * costs memory and time for each client. Default: `false`.
   */
  readonly deflate?: boolean;
  /**
   * Whether an HTTP/2 server offers WebSocket over HTTP/2 (RFC 8441). A browser that has such a connection then opens all
   * its WebSockets to this server there. Default: `true`.
   */
  readonly extendedConnect?: boolean;
}
