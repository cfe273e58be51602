import type { Http2Session } from 'node:http2';

/** Node keeps the timeout that a session was given last, and has no other way to tell it. */
interface Timed {
  readonly timeout?: number;
}

/** How many hold a session, and the timeout that it had before, in milliseconds. */
interface Hold {
  holders: number;
  readonly timeout: number;
}

const holds = new WeakMap<Http2Session, Hold>();

/**
 * Suspends the idle timeout that the application, or Fastify, has set for a session. A session that carries a client is in
 * use, even if there is nothing to write for long; whether its peer is there is found out by PING. It also saves a tenth of
 * what a write costs: each one would restart the timer.
 *
 * @returns a function that each caller MUST call once: the last call gives the session its timeout back, unless the
 *   application has set another one meanwhile
 */
export function suspendTimeout(session: Http2Session): () => void {
  const hold = holds.get(session) ?? suspend(session);
  hold.holders++;
  return () => {
    if (--hold.holders > 0) return;
    holds.delete(session);
    if (hold.timeout > 0 && (session as Timed).timeout === 0) session.setTimeout(hold.timeout);
  };
}

function suspend(session: Http2Session): Hold {
  const { timeout = 0 } = session as Timed;
  const hold = { holders: 0, timeout };
  holds.set(session, hold);
  if (timeout > 0) session.setTimeout(0);
  return hold;
}
