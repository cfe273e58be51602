/** How WebSocket connections are kept. */
export interface WebSocketOptions {
  /** Largest message of a client, in bytes; larger ones close the connection with 1009. Default: 65,536. */
  readonly maxMessageBytes?: number;
  /** How many topics and patterns a connection may have. Default: 256. */
  readonly maxTopics?: number;
}

/** The same, resolved, as a provider. */
export class WebSocketSettings {
  constructor(
    /** The path of the gateway. */
    readonly path: string,
    /** Milliseconds between heartbeats. */
    readonly heartbeat: number,
    readonly maxMessageBytes: number,
    readonly maxTopics: number,
  ) {}
}
