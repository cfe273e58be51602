import { Inject, Injectable, Logger } from '@nestjs/common';
import { noteRefused } from '../bus/debug-log.js';
import type { TransportName } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import { ConnectionLimiter } from './connection-limiter.js';
import type { ClientRequest } from './handshake.js';
import type { Limits } from './limits.js';
import { Session } from './session.js';
import { Sessions } from './sessions.js';
import { TrustedProxies } from './trusted-proxies.js';

/** Opens sessions while there is room. */
@Injectable()
export class SessionFactory {
  readonly limits: Limits;
  private readonly logger = new Logger('PushModule');
  private hasWarned = false;

  constructor(
    @Inject(pushSettings) { limits }: { readonly limits: Limits },
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(ConnectionLimiter) private readonly limiter: ConnectionLimiter,
    @Inject(TrustedProxies) private readonly proxies: TrustedProxies,
  ) {
    this.limits = limits;
  }

  /**
   * Opens the session of a request. Its owner MUST `close` it.
   *
   * @throws PushError `UNAVAILABLE`, `LIMIT_EXCEEDED` when there is no room
   */
  open(request: ClientRequest, transport: TransportName): Session {
    const address = this.proxies.addressOf(request);
    try {
      return new Session(transport, address, this.sessions, this.limits, this.limiter.reserve(address));
    } catch (error) {
      noteRefused(error, { transport, address });
      this.warnOfProxy(request, error);
      throw error;
    }
  }

  /** If the proxy in front of the application is not declared, all clients have one address, and share its limit. */
  private warnOfProxy(request: ClientRequest, error: unknown): void {
    const isLimit = error instanceof PushError && error.code === 'LIMIT_EXCEEDED';
    if (!isLimit || this.hasWarned || !this.proxies.isUndeclared(request)) return;
    this.hasWarned = true;
    const hint = "Add PushModule.forRoot({ trustedProxies: ['…'] }), or raise limits.connectionsPerAddress.";
    this.logger.warn(`Too many connections from one address, which is a proxy that forwards others. ${hint}`);
  }
}
