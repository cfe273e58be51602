import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { HttpServer } from './http-server.js';

/** How long a session that begins during a shutdown may take to send its first request, in milliseconds. */
const grace = 500;

/** Looks at each session before anything else listens to it. */
export abstract class SessionGuard {
  abstract guard(session: ServerHttp2Session): void;
}

/**
 * The HTTP/2 sessions of the application's server. Open sessions keep a server from closing. A server without HTTP/2 has none.
 */
@Injectable()
export class Http2Sessions implements OnModuleInit {
  private readonly sessions = new Set<ServerHttp2Session>();
  private emptied: (() => void)[] = [];
  private isClosing = false;

  constructor(
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(SessionGuard) private readonly gate: SessionGuard,
  ) {}

  /** Begins to follow the sessions of the server. */
  onModuleInit(): void {
    this.server.node?.on('session', (session: ServerHttp2Session) => {
      this.gate.guard(session);
      this.sessions.add(session);
      session.once('close', () => this.remove(session));
      if (this.isClosing) closeSoon(session);
    });
  }

  all(): ServerHttp2Session[] {
    return [...this.sessions];
  }

  /** Sends GOAWAY (RFC 9113, section 6.8): no new streams; a session closes when its last stream has ended. */
  close(): void {
    this.isClosing = true;
    for (const session of this.sessions) session.close();
  }

  /** Ends all sessions at once. */
  destroy(): void {
    for (const session of this.sessions) session.destroy();
  }

  /** Resolves once there is no session. */
  whenEmpty(): Promise<void> {
    if (this.sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  private remove(session: ServerHttp2Session): void {
    this.sessions.delete(session);
    if (this.sessions.size > 0) return;
    this.emptied.forEach((resolve) => resolve());
    this.emptied = [];
  }
}

/** Answers one request, which tells the client when to come back: after a GOAWAY alone a proxy would send its own error. */
function closeSoon(session: ServerHttp2Session): void {
  const close = () => session.close();
  const timer = setTimeout(close, grace).unref();
  session.once('stream', (stream: ServerHttp2Stream) => stream.once('close', close));
  session.once('close', () => clearTimeout(timer));
}
