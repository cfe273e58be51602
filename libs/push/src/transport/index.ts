/*
 * nestjs-push/transport: what a transport is made of. It gets a request in, makes an `Outlet`, chooses a `Dialect`, and hands
 * them to the `Door`. docs/transports.md walks through one, and `describeTransport` of `nestjs-push/testing` checks it.
 */

// Where clients come in
export { Door, type Arrival } from '../clients/door.js';
export type { ClientRequest } from '../access/handshake.js';
export type { Client } from '../clients/client.js';
export type { PositionListener, SubscribeOptions } from '../hub/replay/catch-up.js';

// Where their bytes go
export type { Outlet } from '../clients/outlet.js';
export { whenClosed, type RawResponse } from '../platform/raw-response.js';

// How what they are told looks as bytes
export type { Dialect } from '../wire/dialect.js';
export { messageDialect, type MessageDialect } from '../wire/message.dialect.js';
export { codecOf } from '../wire/codec.js';
export { messageText } from '../wire/websocket.codec.js';
export { errorMessage } from '../wire/websocket.messages.js';
export type { ServerMessage } from '../wire/websocket.messages.js';
export type { Codec } from '../contracts/event.js';
export { LogEvent } from '../contracts/event.js';
export type { Encodings } from '../contracts/encodings.js';
