import { constants, type Http2Session } from 'node:http2';

/** GOAWAY with this id refuses no stream yet. */
const highestStream = 2 ** 31 - 1;

const retired = new WeakSet<Http2Session>();

/**
 * Asks the client to open its next streams on another connection (RFC 9113, section 6.8). Open streams go on until they end. What
 * the client has sent before it heard of it is served too: the first GOAWAY refuses nothing, and the second one comes after a round
 * trip. Idempotent.
 */
export function retire(session: Http2Session): void {
  if (session.closed || session.destroyed || retired.has(session)) return;
  retired.add(session);
  session.goaway(constants.NGHTTP2_NO_ERROR, highestStream);
  const close = () => {
    if (!session.destroyed) session.close();
  };
  // Of a session whose connection ends meanwhile, the ping is called back with an error.
  if (!session.ping(close)) close();
}
