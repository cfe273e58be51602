import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session, SessionClient } from '../../access/session.js';
import { noteRefused } from '../../bus/debug-log.js';
import { Hub } from '../../hub/hub.js';
import type { Steps } from '../../hub/replay/stepped-work.js';
import { BasePath, endpoints } from '../../platform/base-path.js';
import { Door } from '../../clients/door.js';
import { pushSettings } from '../../contracts/settings.js';
import { historyAnswer, readHistoryQuery } from './history-query.js';
import { inProtocol, refusing } from './http-refusal.js';
import { raw, whenClosed, type RawRequest, type RawResponse } from '../../platform/raw-response.js';
import { readMessage, restoreBodyHeaders } from './request-body.js';

/** The settings that bound the body of a request. */
interface BodySettings {
  readonly websocket: { readonly maxMessageBytes: number };
}

/** A request that brings a message, for one of the endpoints. */
interface MessageRequest {
  readonly request: RawRequest;
  readonly response: RawResponse;
  readonly endpoint: string;
}

/** The steps that the built-in HTTP endpoints share: reading a request, and admitting the client that sent it. */
@Injectable()
export class HttpRequests {
  constructor(
    @Inject(BasePath) private readonly basePath: BasePath,
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(Door) private readonly door: Door,
    @Inject(Hub) private readonly hub: Hub,
    @Inject(pushSettings) private readonly settings: BodySettings,
  ) {}

  /**
   * The URL of a request for this endpoint, as the client sent it.
   *
   * @throws NotFoundException if the framework matched a path that the protocol does not define
   */
  urlOf(request: RawRequest, endpoint: string): string {
    const { method, url = '' } = raw(request);
    if (!this.basePath.serves(url, endpoint)) throw new NotFoundException(`Cannot ${method} ${url}`);
    return url;
  }

  /**
   * Runs `run` with a session for the client that sent the request. The session closes when the client disconnects. If `run`
   * fails it closes at once, since the response may have to wait for others on its connection.
   */
  async admit<T>(
    request: RawRequest,
    response: RawResponse,
    run: (session: Session) => Promise<T>,
  ): Promise<T> {
    restoreBodyHeaders(raw(request));
    const session = await this.gatekeeper.open(raw(request), {
      transport: 'sse',
      corsOrigin: credentialedOrigin(response),
      whenGone: (then) => whenClosed(raw(response), then),
    });
    try {
      return await run(session);
    } catch (error) {
      noteRefused(error, session);
      session.close();
      throw error;
    }
  }

  /**
   * Reads the page of a topic's past that the request asks for, and has it written, both when it is the client's turn. It is
   * given up when the client is gone. Shutdown waits until its hooks have run.
   */
  async history(request: RawRequest, response: RawResponse, write: (json: Buffer) => void): Promise<void> {
    const query = readHistoryQuery(this.urlOf(request, endpoints.history));
    const gone = new AbortController();
    whenClosed(raw(response), () => gone.abort());
    await this.door.turn();
    const serve = async (session: Session) => {
      session.attach({ topics: [query.topic], fail: () => undefined });
      await this.door.reached();
      const options = { budget: session.budget, signal: gone.signal };
      const read = async () =>
        this.hub.inTurns(historyAnswer(await this.hub.older({ ...query, ...options })), options);
      const { past, assertHolds } = await this.gatekeeper.read(session, query.topic, () =>
        this.door.visit(session, [query.topic], read),
      );
      // It is paid for: it waits for a turn, but for no budget.
      await this.hub.inTurns(writing(past, write, assertHolds));
      session.close();
    };
    await this.door.runRequest(() => this.admit(request, response, serve));
  }

  /**
   * Runs `run` with the message in the request, even if the client does not wait for the response: a page sends its last events
   * as it closes. The body is therefore read while the client is still being authenticated, unless it is larger than a closing
   * page can send. A `PushError` becomes the response.
   */
  handle<T>(
    { request, response, endpoint }: MessageRequest,
    run: (session: Session, message: object) => Promise<T>,
  ): Promise<T> {
    return this.respond(response, async () => {
      this.urlOf(request, endpoint);
      return this.door.runRequest(() => this.handleMessage(request, response, run));
    });
  }

  private async handleMessage<T>(
    request: RawRequest,
    response: RawResponse,
    run: (session: Session, message: object) => Promise<T>,
  ): Promise<T> {
    restoreBodyHeaders(raw(request));
    const refusal = new AbortController();
    const early = isSmall(raw(request)) ? this.messageOf(request, refusal.signal) : undefined;
    // If the client is refused, an invalid body does not matter.
    early?.catch(() => undefined);
    let session: Session | undefined;
    try {
      await this.door.turn();
      session = await this.gatekeeper.open(raw(request), {
        transport: 'sse',
        corsOrigin: credentialedOrigin(response),
        whenGone: () => undefined,
      });
      session.attach(singleRequest);
      return await run(session, await (early ?? this.messageOf(request)));
    } catch (error) {
      if (session) noteRefused(error, session);
      throw inProtocol(error, raw(response));
    } finally {
      refusal.abort();
      session?.close();
    }
  }

  /** Reads the message in the body of the request. */
  messageOf(request: RawRequest, signal?: AbortSignal): Promise<object> {
    const { handshakeTimeout: timeout, jsonDepth: maxDepth } = this.gatekeeper.limits;
    const { maxMessageBytes: maxBytes } = this.settings.websocket;
    return readMessage(request, { maxBytes, timeout, maxDepth, signal });
  }

  /** Runs `run` to answer a request. A `PushError` that it throws becomes the response. */
  async respond<T>(response: RawResponse, run: () => Promise<T>): Promise<T> {
    const open = () => {
      this.door.assertOpen();
      return run();
    };
    return (await refusing(raw(response), this.door, open)) as T;
  }
}

/** Writes what the right to is still there. The kernel takes the bytes at once, and needs a while for them. */
function* writing(json: Buffer, write: (json: Buffer) => void, assertHolds: () => void): Steps<void> {
  yield json.length / bytesPerUnit;
  assertHolds();
  write(json);
}

/** Rights are checked once, when the request arrives: there is no connection to end later. */
const singleRequest: SessionClient = { topics: [], isBusy: true, fail: () => undefined };

/** The kernel takes about so many bytes of an answer in a unit of work. */
const bytesPerUnit = 128;

/** The most that a closing page can send, in bytes: `fetch` with `keepalive` and `sendBeacon` refuse more. */
const maxKeepaliveBytes = 64 * 1024;

function isSmall({ headers }: RawRequest): boolean {
  return Number(headers['content-length'] ?? Infinity) <= maxKeepaliveBytes;
}

/** The origin that `enableCors` allowed with credentials. Its headers are on the response already. */
function credentialedOrigin(response: { getHeader(name: string): unknown }): string | undefined {
  if (String(response.getHeader('access-control-allow-credentials')) !== 'true') return undefined;
  const origin = response.getHeader('access-control-allow-origin');
  return typeof origin === 'string' ? origin : undefined;
}
