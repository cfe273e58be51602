import type { Http2Session } from 'node:http2';

/** What a session has while it carries push. */
interface Hold {
  /** How many streams of push it carries. */
  streams: number;
  /** Its timeout without them, in milliseconds. */
  readonly timeout: number;
}

/** Node sets it, as it does for sockets, and does not document it. */
interface Timed {
  readonly timeout?: number;
}

const holds = new WeakMap<Http2Session, Hold>();

/**
 * Takes the timeout away from a session that carries push, and gives it back when the function that is returned is called for
 * the last of its streams. Fastify sets one, of 72 seconds: a stream may be quiet for longer, its heartbeats tell whether its
 * client is there, and Node would start the timer anew several times for each write to each stream.
 */
export function holdSession(session: Http2Session): () => void {
  let hold = holds.get(session);
  if (!hold) {
    holds.set(session, (hold = { streams: 0, timeout: (session as Timed).timeout ?? 0 }));
    if (hold.timeout > 0) session.setTimeout(0);
  }
  hold.streams++;
  return () => release(session, hold);
}

function release(session: Http2Session, hold: Hold): void {
  if (--hold.streams > 0) return;
  holds.delete(session);
  if (hold.timeout > 0 && !session.destroyed) session.setTimeout(hold.timeout);
}
