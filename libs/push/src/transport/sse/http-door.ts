import { NotFoundException } from '@nestjs/common';
import type { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session } from '../../access/session.js';
import type { BasePath } from '../base-path.js';
import type { Reception } from '../lifecycle/reception.js';
import type { MessageLimits } from '../message-client.js';
import { refusing } from './http-refusal.js';
import { raw, whenClosed, type RawRequest, type RawResponse } from './raw-response.js';
import { readMessage, unveil } from './request-body.js';

/** What the built-in endpoints have in common: how a request is read, and who sent it. */
export class HttpDoor {
  constructor(
    private readonly basePath: BasePath,
    private readonly gatekeeper: Gatekeeper,
    private readonly reception: Reception,
    private readonly limits: MessageLimits,
  ) {}

  /**
   * The URL of a request for this endpoint, as it was sent.
   *
   * @throws NotFoundException where the framework is less exact about paths than the protocol
   */
  urlOf(request: RawRequest, endpoint: string): string {
    const { method, url = '' } = raw(request);
    if (!this.basePath.serves(url, endpoint)) throw new NotFoundException(`Cannot ${method} ${url}`);
    return url;
  }

  /** The session of whoever sent the request. It is closed with the response. */
  async open(request: RawRequest, response: RawResponse): Promise<Session> {
    unveil(raw(request));
    const entrance = { transport: 'sse', corsOrigin: credentialedOrigin(response) } as const;
    const session = await this.gatekeeper.open(raw(request), entrance);
    whenClosed(raw(response), () => session.close());
    return session;
  }

  /** What the request says in its body. Nothing of it is read before. */
  messageOf(request: RawRequest): Promise<object> {
    const { handshakeTimeout: timeout, jsonDepth: maxDepth } = this.gatekeeper.limits;
    return readMessage(request, { maxBytes: this.limits.maxMessageBytes, timeout, maxDepth });
  }

  /** Runs `run` for a client that comes and goes; what it throws becomes an answer. */
  async once<T>(response: RawResponse, run: () => Promise<T>): Promise<T> {
    const open = () => {
      this.reception.assertOpen();
      return run();
    };
    return (await refusing(raw(response), this.reception, open)) as T;
  }
}

/** The origin that `enableCors` has let in with credentials: its headers are on the response already. */
function credentialedOrigin(response: { getHeader(name: string): unknown }): string | undefined {
  if (String(response.getHeader('access-control-allow-credentials')) !== 'true') return undefined;
  const origin = response.getHeader('access-control-allow-origin');
  return typeof origin === 'string' ? origin : undefined;
}
