import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { CompressedForm } from '../../clients/shared-streams.js';
import { DeflateContext, windowBits } from '../../wire/shared-deflate.js';
import { websocketCodec } from '../../wire/websocket.codec.js';
import { compressFrames } from '../../wire/websocket.deflate.js';

/* The extension permessage-deflate (RFC 7692), as push speaks it: the messages of an audience have one context. */

const name = 'permessage-deflate';
const header = 'sec-websocket-extensions';

/** Events as compressed messages. */
export const deflatedMessages: CompressedForm = {
  codec: websocketCodec,
  transport: 'websocket',
  compressor: () => {
    const context = new DeflateContext();
    return {
      reset: () => context.reset(),
      compress: (frames) => compressFrames(frames, context),
      // A plain message does not touch the context.
      store: (frames) => frames,
    };
  },
};

/** Whether the extension was agreed on. */
export function isDeflated(socket: WebSocket): boolean {
  return socket.extensions.includes(name);
}

/** Internal to `ws`, and the only way to have it let go of an inflater. */
interface Inflating {
  readonly _extensions?: { readonly [extension in typeof name]?: { cleanup(): void } };
}

/**
 * Lets go of a client's inflater after each message: `ws` would keep it, with its window of 22 kB, for as long as the connection
 * lasts. No message depends on the one before (`client_no_context_takeover`), and none is being read when one is handed over.
 */
export function releaseInflaters(socket: WebSocket): void {
  const { _extensions: extensions } = socket as Inflating;
  const extension = extensions?.[name];
  if (extension) socket.on('message', () => extension.cleanup());
}

/**
 * Takes those offers out of a handshake that shared messages do not fit: where the client asks the server to keep no context, or
 * has a smaller window than they need. Without another offer it gets its messages as they are. `ws` would refuse the client.
 */
export function keepAcceptableOffers({ headers }: IncomingMessage): void {
  const offered = headers[header];
  if (offered === undefined) return;
  // `ws` takes no list that begins with a space, as one would whose first offer is gone.
  const acceptable = offered
    .split(',')
    .map((offer) => offer.trim())
    .filter(isAcceptable);
  if (acceptable.length > 0) headers[header] = acceptable.join(',');
  else delete headers[header];
}

/** What is malformed is left to `ws`, which refuses it. */
function isAcceptable(offer: string): boolean {
  const [extension, ...parameters] = offer.split(';').map((part) => part.trim());
  if (extension !== name) return true;
  return parameters.every((parameter) => {
    const [key, value] = parameter.split('=').map((part) => part.trim().replaceAll('"', ''));
    if (key === 'server_no_context_takeover') return false;
    return key !== 'server_max_window_bits' || !(Number(value) < windowBits);
  });
}
