/*
 * nestjs-push/transport: what a transport is made of. It accepts a request, creates an `Outlet`, chooses a `Dialect`, and passes
 * them to the `Door`. docs/transports.md walks through one, and `describeTransport` of `nestjs-push/testing` checks it.
 */

// Admitting clients
export { Door, type Arrival } from '../clients/door.js';
export type { ClientRequest } from '../access/handshake.js';
export type { Client } from '../clients/client.js';
export type { Presentation, ReadOptions } from '../clients/client-listener.js';
export type { PositionListener, SubscribeOptions } from '../hub/replay/catch-up.js';

// Writing their bytes
export type { AudienceMember, Outlet } from '../clients/outlet.js';
export { whenClosed, type RawResponse } from '../platform/raw-response.js';

// Encoding messages as bytes
export type { Dialect } from '../wire/dialect.js';
export { messageDialect, type MessageDialect } from '../wire/message.dialect.js';
export { codecOf } from '../wire/codec.js';
export { messageText } from '../wire/websocket.codec.js';
export { errorMessage } from '../wire/websocket.messages.js';
export type { ServerMessage } from '../wire/websocket.messages.js';
export type { Batch, Bytes, Codec, Derivation } from '../contracts/event.js';
export { LogEvent } from '../contracts/event.js';
export type { Encodings } from '../contracts/encodings.js';
