import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Http2Session } from 'node:http2';
import { ErrorReporter } from '../bus/error-reporter.js';
import { pushSettings } from '../contracts/settings.js';
import type { Client } from './client.js';
import { Clients } from './clients.js';
import { HttpServer } from '../platform/http-server.js';
import { Http2Sessions } from '../platform/http2-sessions.js';
import { retransmitted, tcpKey, unacknowledged } from '../platform/tcp-table.js';
import { SilentPeers } from './silent-peers.js';

/** How often clients are checked in a heartbeat interval. */
const checksPerInterval = 4;

/**
 * Finds clients that vanished without closing their connection. A client of server-sent events over HTTP/1.1 never answers,
 * so TCP has to tell: heartbeats keep bytes on their way to each client, and a client that has not acknowledged them for half
 * an interval, while the kernel retransmits, is gone. HTTP/2 sessions are sent a PING (RFC 9113, section 6.7), and have an
 * interval to answer. WebSocket over HTTP/1.1 has its own ping.
 */
@Injectable()
export class DeadPeers implements OnModuleInit, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  /** The number of the current check. */
  private check = 0;
  private isChecking = false;
  private readonly silent = new SilentPeers({ retransmitted, unacknowledged });
  /** Sessions that have not answered their PING yet, and the check that sent it. */
  private readonly pingedAt = new WeakMap<Http2Session, number>();

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
      this.check++;
      this.pingSessions();
      this.checkSockets();
    }, this.settings.heartbeat / checksPerInterval).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * Pings every session, even those that carry no client of push: after a connection error Node stops reading, and does not
   * notice that the peer is gone.
   */
  private pingSessions(): void {
    for (const session of this.sessions.all()) {
      const pingedAt = this.pingedAt.get(session);
      if (pingedAt === undefined) this.ping(session);
      else if (this.check - pingedAt >= checksPerInterval) {
        for (const client of this.clients.all()) if (client.outlet.http2 === session) timeOut(client);
        session.destroy();
      }
    }
  }

  private ping(session: Http2Session): void {
    if (session.destroyed || session.connecting) return;
    this.pingedAt.set(session, this.check);
    const answered = (error: Error | null) => error ?? this.pingedAt.delete(session);
    // Node sends no PING on a session that closes with its last stream. The peer acknowledges empty SETTINGS as well.
    if (session.closed) session.settings({}, answered);
    // `ping` fails while too many PINGs of the application are in flight.
    else if (!session.ping(answered)) this.pingedAt.delete(session);
  }

  /** One check at a time: with many connections, on a busy machine, one may take longer than the time until the next is due. */
  private checkSockets(): void {
    if (this.isChecking) return;
    this.isChecking = true;
    this.endSilentPeers()
      .catch((error: unknown) => this.errors.report(error, { stage: 'dead peers' }))
      .finally(() => (this.isChecking = false));
  }

  private async endSilentPeers(): Promise<void> {
    if (!this.clients.some((client) => client.outlet.socket !== undefined)) return;
    const silent = new Set(await this.silent.look(checksPerInterval / 2));
    if (silent.size === 0) return;
    for (const client of this.clients.all()) {
      const { localPort, remoteAddress, remotePort } = client.outlet.socket ?? {};
      if (!localPort || !remoteAddress || !remotePort) continue;
      if (silent.has(tcpKey(localPort, remoteAddress, remotePort))) timeOut(client);
    }
  }
}

function timeOut(client: Client): void {
  client.reason = 'timeout';
  client.destroy();
}
