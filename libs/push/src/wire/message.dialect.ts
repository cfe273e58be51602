import type { Codec } from '../contracts/event.js';
import type { Dialect } from './dialect.js';
import {
  drainMessage,
  errorMessage,
  gapMessage,
  heartbeatMessage,
  revokedMessage,
  type ServerMessage,
} from './websocket.messages.js';

/** A dialect that consists of messages. */
export type MessageDialect = Dialect & Required<Pick<Dialect, 'message' | 'revoked'>>;

/** A dialect of the messages of PROTOCOL.md. @param message encodes one of them */
export function messageDialect(events: Codec, message: (message: ServerMessage) => Buffer): MessageDialect {
  return {
    events,
    message,
    gap: (notice) => message(gapMessage(notice)),
    heartbeat: (position) => message(heartbeatMessage(position)),
    error: (error) => message(errorMessage(error)),
    drain: (delay) => message(drainMessage(delay)),
    revoked: (topics, isUndecided) => message(revokedMessage(topics, isUndecided)),
  };
}
