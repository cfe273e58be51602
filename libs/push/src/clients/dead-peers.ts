import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Http2Session } from 'node:http2';
import { ErrorReporter } from '../bus/error-reporter.js';
import { pushSettings } from '../contracts/settings.js';
import type { Client } from './client.js';
import { Clients } from './clients.js';
import { HttpServer } from '../platform/http-server.js';
import { Http2Sessions } from '../platform/http2-sessions.js';
import { tcpKey, unacknowledged, type TcpKey } from '../platform/tcp-table.js';

/** How often clients are looked at in an interval. */
const looks = 4;

/** A client that does not acknowledge: how often the kernel had tried when it was seen first, and when that was. */
interface Suspect {
  readonly retransmissions: number;
  readonly since: number;
}

/**
 * Finds clients that vanished without a word. On server-sent events over HTTP/1.1 nothing comes back that would tell:
 * heartbeats make sure that something is on its way to each; who has not acknowledged it for half an interval, with the
 * kernel trying all along, is gone. HTTP/2 sessions are asked by PING (RFC 9113, section 6.7), and have an interval to
 * answer. WebSocket over HTTP/1.1 asks by its own ping and needs no help.
 */
@Injectable()
export class DeadPeers implements OnModuleInit, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private look = 0;
  private suspects = new Map<TcpKey, Suspect>();
  /** At which look those who have yet to answer were asked. */
  private readonly asked = new WeakMap<Http2Session, number>();

  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(Http2Sessions) private readonly sessions: Http2Sessions,
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(pushSettings) private readonly settings: { readonly heartbeat: number },
  ) {}

  onModuleInit(): void {
    if (!this.server.node) return;
    this.timer = setInterval(() => {
      this.look++;
      this.askSessions();
      this.lookAtSockets().catch((error: unknown) => this.errors.report(error, { stage: 'dead peers' }));
    }, this.settings.heartbeat / looks).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * All sessions are asked, whoever uses them: after an error of the connection Node reads nothing more from it, and does not
   * notice that the client is gone.
   */
  private askSessions(): void {
    for (const session of this.sessions.all()) {
      const asked = this.asked.get(session);
      if (asked === undefined) this.ask(session);
      else if (this.look - asked >= looks) {
        for (const client of this.clients.all()) if (client.http2 === session) timeOut(client);
        session.destroy();
      }
    }
  }

  private ask(session: Http2Session): void {
    if (session.destroyed || session.connecting) return;
    this.asked.set(session, this.look);
    const answered = (error: Error | null) => error ?? this.asked.delete(session);
    // Node sends no PING on a session that is to close with its last stream; empty SETTINGS are acknowledged too.
    if (session.closed) session.settings({}, answered);
    // Too many of the application's own are under way.
    else if (!session.ping(answered)) this.asked.delete(session);
  }

  private async lookAtSockets(): Promise<void> {
    if (!this.clients.some((client) => client.socket !== undefined)) return;
    const { look } = this;
    const current = await unacknowledged();
    const suspects = new Map<TcpKey, Suspect>();
    for (const [key, retransmissions] of current)
      suspects.set(key, this.suspects.get(key) ?? { retransmissions, since: look });
    this.suspects = suspects;
    if (suspects.size === 0) return;
    for (const client of this.clients.all()) {
      const { localPort, remoteAddress, remotePort } = client.socket ?? {};
      if (!localPort || !remoteAddress || !remotePort) continue;
      const key = tcpKey(localPort, remoteAddress, remotePort);
      const suspect = suspects.get(key);
      if (!suspect || look - suspect.since < looks / 2) continue;
      if (current.get(key)! > suspect.retransmissions) timeOut(client);
    }
  }
}

function timeOut(client: Client): void {
  client.reason = 'timeout';
  client.destroy();
}
