/** What carries a client's connection. */
export type TransportName = 'websocket' | 'sse' | (string & {});

/**
 * Why a WebSocket is closed (RFC 6455, section 7.4; 4000 to 4999 are ours, and echo HTTP). PROTOCOL.md, "Close codes", says
 * for each whether a client should come back.
 */
export type WebSocketCloseCode =
  1000 | 1001 | 1002 | 1003 | 1007 | 1008 | 1009 | 1011 | 1012 | 1013 | 4400 | 4401 | 4403;
