import { messageDialect } from './message.dialect.js';
import { frame, websocketCodec } from './websocket.codec.js';

/** Messages as text frames of a WebSocket (RFC 6455). */
export const websocketDialect = messageDialect(websocketCodec, (message) => frame(JSON.stringify(message)));
