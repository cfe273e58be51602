/** Options of WebSocket connections. */
export interface WebSocketOptions {
  /** The largest message that a client may send, in bytes. A larger one closes the connection with 1009. Default: 65,536. */
  readonly maxMessageBytes?: number;
  /** How many topics and patterns a connection may have. Default: 256. */
  readonly maxTopics?: number;
  /**
   * Whether a client that the handshake does not authenticate may connect and authenticate by its first message,
   * `authenticate`, within `limits.firstMessageTimeout`. Default: `false`, which refuses the client with 401.
   */
  readonly firstMessage?: boolean;
  /**
   * Whether an HTTP/2 server offers WebSocket over HTTP/2 (RFC 8441). A browser that has such a connection then opens all
   * its WebSockets to this server on it. Default: `true`.
   */
  readonly extendedConnect?: boolean;
}
