import { Inject, Injectable } from '@nestjs/common';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { TokenBucket } from '../access/token-bucket.js';
import type { SessionGuard } from '../platform/http2-sessions.js';
import { TurnQueue } from './turn-queue.js';

/** How many streams a session may reset before they can be answered. An honest client seldom resets so early. */
const resetRate = { perSecond: 20, burst: 100 };

/** Resets are counted each time that a session has opened this many more streams in one turn. */
const checkInterval = 16;

type StreamListener = (this: ServerHttp2Session, stream: ServerHttp2Stream, ...rest: unknown[]) => void;

/**
 * Hands the streams of HTTP/2 sessions to the application no faster than the event loop can take. Node may read thousands of
 * requests in one turn, and has each routed, guarded and handled before other connections get a turn, although the next bytes
 * may reset it (CVE-2023-44487). Here, streams that do not fit into the turn wait for the next one. The application never
 * sees those that are reset by then. A session that resets too many streams is ended.
 */
@Injectable()
export class StreamGate implements SessionGuard {
  constructor(@Inject(TurnQueue) private readonly turns: TurnQueue) {}

  /** Takes over the streams of `session`. It MUST be called before anything but Node's own listeners uses the session. */
  guard(session: ServerHttp2Session): void {
    const handlers = session.listeners('stream') as StreamListener[];
    const resets = new ResetCounter();
    session.removeAllListeners('stream');
    session.on('stream', (stream, ...rest) => {
      // A stream that has not reached the application has no other error listener.
      stream.on('error', () => undefined);
      if (session.destroyed) return;
      if (!resets.allows(stream)) return endSession(session);
      const serve = () => handlers.forEach((handler) => handler.call(session, stream, ...rest));
      const turn = this.turns.wait();
      if (!turn) return serve();
      const serveLater = () => {
        if (!stream.closed && !stream.destroyed) serve();
      };
      turn.then(serveLater).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
  }
}

/** Counts the streams of a session that are reset in the same turn in which they were opened. */
class ResetCounter {
  private readonly allowance = new TokenBucket(resetRate);
  /** The streams that were opened in this turn. */
  private streams: ServerHttp2Stream[] = [];

  /** Counts a new stream. Returns whether the session may go on. */
  allows(stream: ServerHttp2Stream): boolean {
    if (this.streams.length === 0) setImmediate(() => (this.streams = []));
    this.streams.push(stream);
    if (this.streams.length % checkInterval !== 0) return true;
    const open = this.streams.filter((each) => !isAbandoned(each));
    const abandoned = this.streams.length - open.length;
    this.streams = open;
    return this.allowance.take(abandoned);
  }
}

function isAbandoned(stream: ServerHttp2Stream): boolean {
  return stream.closed && !stream.headersSent;
}

function endSession(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  session.destroy();
}
