import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session, SessionClient } from '../../access/session.js';
import { BasePath } from '../../platform/base-path.js';
import { Door } from '../../clients/door.js';
import { pushSettings } from '../../contracts/settings.js';
import { refusing } from './http-refusal.js';
import { raw, whenClosed, type RawRequest, type RawResponse } from '../../platform/raw-response.js';
import { readMessage, unveil } from './request-body.js';

/** The settings that bound the body of a request. */
interface BodySettings {
  readonly websocket: { readonly maxMessageBytes: number };
}

/** What the built-in HTTP endpoints have in common: reading a request, and admitting the client that sent it. */
@Injectable()
export class HttpRequests {
  constructor(
    @Inject(BasePath) private readonly basePath: BasePath,
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(Door) private readonly door: Door,
    @Inject(pushSettings) private readonly settings: BodySettings,
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

  /**
   * Runs `run` for whoever sent the request. The session is closed when the client is gone; at once if `run` fails, since the
   * answer may have to wait for others on its connection.
   */
  async admit<T>(
    request: RawRequest,
    response: RawResponse,
    run: (session: Session) => Promise<T>,
  ): Promise<T> {
    unveil(raw(request));
    const session = await this.gatekeeper.open(raw(request), {
      transport: 'sse',
      corsOrigin: credentialedOrigin(response),
      whenGone: (then) => whenClosed(raw(response), then),
    });
    try {
      return await run(session);
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /**
   * Runs `run` with what the request says, even if its client does not wait for the answer: a page that is being closed sends
   * its last words. So they are read while it is decided who sent them, unless they are more than such a page can send.
   */
  handle<T>(
    request: RawRequest,
    response: RawResponse,
    run: (session: Session, message: object) => Promise<T>,
  ): Promise<T> {
    return this.door.during(async () => {
      unveil(raw(request));
      const refusal = new AbortController();
      const early = isSmall(raw(request)) ? this.messageOf(request, refusal.signal) : undefined;
      // Where nobody is let in, what is wrong with the body does not matter.
      early?.catch(() => undefined);
      let session: Session | undefined;
      try {
        session = await this.gatekeeper.open(raw(request), {
          transport: 'sse',
          corsOrigin: credentialedOrigin(response),
          whenGone: () => undefined,
        });
        session.attach(errand);
        return await run(session, await (early ?? this.messageOf(request)));
      } finally {
        refusal.abort();
        session?.close();
      }
    });
  }

  /** What the request says in its body. Nothing of it is read before. */
  messageOf(request: RawRequest, signal?: AbortSignal): Promise<object> {
    const { handshakeTimeout: timeout, jsonDepth: maxDepth } = this.gatekeeper.limits;
    const { maxMessageBytes: maxBytes } = this.settings.websocket;
    return readMessage(request, { maxBytes, timeout, maxDepth, signal });
  }

  /** Runs `run`, which answers the request at once. An error that it throws becomes an answer. */
  async once<T>(response: RawResponse, run: () => Promise<T>): Promise<T> {
    const open = () => {
      this.door.assertOpen();
      return run();
    };
    return (await refusing(raw(response), this.door, open)) as T;
  }
}

/** What a request asks for is done if its right was there when it came: it has no connection that could be ended. */
const errand: SessionClient = { topics: [], isBusy: true, fail: () => undefined };

/** What a page can send that is being closed, in bytes: more is refused by `fetch` with `keepalive` and by `sendBeacon`. */
const mostLastWords = 64 * 1024;

function isSmall({ headers }: RawRequest): boolean {
  return Number(headers['content-length'] ?? Infinity) <= mostLastWords;
}

/** The origin that `enableCors` has let in with credentials: its headers are on the response already. */
function credentialedOrigin(response: { getHeader(name: string): unknown }): string | undefined {
  if (String(response.getHeader('access-control-allow-credentials')) !== 'true') return undefined;
  const origin = response.getHeader('access-control-allow-origin');
  return typeof origin === 'string' ? origin : undefined;
}
