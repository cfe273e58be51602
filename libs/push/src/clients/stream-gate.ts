import { Inject, Injectable } from '@nestjs/common';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { TokenBucket } from '../access/token-bucket.js';
import type { SessionGuard } from '../platform/http2-sessions.js';
import { TurnQueue } from './turn-queue.js';

/** How many streams a session may reset before there can be an answer. Nobody who wants one does that again and again. */
const resets = { perSecond: 20, burst: 100 };

/** After how many streams of a session that came in one turn it is looked how many of them are reset already. */
const step = 16;

type StreamListener = (this: ServerHttp2Session, stream: ServerHttp2Stream, ...rest: unknown[]) => void;

/**
 * Hands the streams of HTTP/2 sessions to the application as fast as the event loop stays responsive. In one turn Node reads
 * thousands of requests, from every session there is, and has each routed, guarded and handled before anybody else has a turn,
 * although the next bytes may reset it (CVE-2023-44487). Those that do not fit into the turn wait for the next, and of those
 * that are reset by then the application never learns. A session that does little else is ended.
 */
@Injectable()
export class StreamGate implements SessionGuard {
  constructor(@Inject(TurnQueue) private readonly turns: TurnQueue) {}

  /** From now on, the streams of `session` go this way. To be called before anybody but Node listens to it. */
  guard(session: ServerHttp2Session): void {
    const handlers = session.listeners('stream') as StreamListener[];
    const watch = new ResetWatch();
    session.removeAllListeners('stream');
    session.on('stream', (stream, ...rest) => {
      // Of one that the application has not learned of nobody else handles the error.
      stream.on('error', () => undefined);
      if (session.destroyed) return;
      if (!watch.isTolerable(stream)) return end(session);
      const serve = () => handlers.forEach((handler) => handler.call(session, stream, ...rest));
      const turn = this.turns.pass();
      if (!turn) return serve();
      const serveLater = () => {
        if (!stream.closed && !stream.destroyed) serve();
      };
      turn.then(serveLater).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
  }
}

/** Counts how many streams of a session are reset in the very turn in which they are asked for. */
class ResetWatch {
  private readonly allowance = new TokenBucket(resets);
  /** Of this turn. */
  private streams: ServerHttp2Stream[] = [];

  /** Notes a new stream. Returns whether the session may go on. */
  isTolerable(stream: ServerHttp2Stream): boolean {
    if (this.streams.length === 0) setImmediate(() => (this.streams = []));
    this.streams.push(stream);
    if (this.streams.length % step !== 0) return true;
    const left = this.streams.filter((each) => !isAbandoned(each));
    const abandoned = this.streams.length - left.length;
    this.streams = left;
    return this.allowance.take(abandoned);
  }
}

function isAbandoned(stream: ServerHttp2Stream): boolean {
  return stream.closed && !stream.headersSent;
}

function end(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  session.destroy();
}
