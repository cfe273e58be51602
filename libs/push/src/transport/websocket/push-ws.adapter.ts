import type { INestApplicationContext } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import type { AbstractWsAdapter, MessageMappingProperties } from '@nestjs/websockets';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Observable } from 'rxjs';
import { WebSocketServer, type ServerOptions } from 'ws';
import type { Session } from '../../access/session.js';
import { explain } from '../../bus/failure.js';
import { Door } from '../../clients/door.js';
import { SharedStreams, StreamMember } from '../../clients/shared-streams.js';
import { pushSettings } from '../../contracts/settings.js';
import { BasePath } from '../../platform/base-path.js';
import { HttpServer } from '../../platform/http-server.js';
import { deflatedMessages, isDeflated, keepAcceptableOffers, releaseInflaters } from './deflated-messages.js';
import { MessageInbox } from './message-inbox.js';
import { PendingUpgrade } from './pending-upgrade.js';
import { leaveToOthers, refusePath, refuseUpgrade } from './upgrade-refusal.js';
import type { WebSocketOptions } from './websocket.options.js';

/** Marks push's own gateway in its options. */
export const pushGateway = Symbol('push gateway');

/** Options of `PushWsAdapter`. */
export interface PushWsAdapterOptions {
  /** The adapter for the application's other gateways, such as `new IoAdapter(app)`. Default: they use `ws` too. */
  readonly fallback?: AbstractWsAdapter;
  /** The `messageParser` of Nest's `WsAdapter`, for the application's own gateways. */
  readonly messageParser?: (
    data: string | Buffer | ArrayBuffer | Buffer[],
  ) => { event: string; data: unknown } | void;
}

interface GatewayOptions {
  readonly path?: string;
  readonly [pushGateway]?: boolean;
}

/** The settings of push's own gateway. */
interface GatewaySettings {
  readonly websocket: Required<WebSocketOptions>;
  readonly compression: boolean;
}

/** Push's own server, with what admits its clients. */
interface PushServer {
  readonly server: WebSocketServer;
  readonly basePath: BasePath;
  readonly settings: Required<WebSocketOptions>;
  readonly door: Door;
  readonly streams: SharedStreams;
}

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Nest's `WsAdapter` with what push needs. Every message is answered. Upgrades of paths without a gateway are left to other
 * listeners, or answered with 404 if there are none. Other gateways may use another adapter. The module installs this adapter
 * if the application has set none. An application that needs another one for its gateways writes
 *
 * ```ts
 * app.useWebSocketAdapter(new PushWsAdapter(app, { fallback: new IoAdapter(app) }));
 * ```
 */
export class PushWsAdapter extends WsAdapter {
  private readonly fallback: AbstractWsAdapter | undefined;
  private readonly fallbackServers = new WeakSet<object>();
  private readonly fallbackClients = new WeakSet<object>();
  private push: PushServer | undefined;
  private listening: { server: Server; listener: UpgradeListener } | undefined;

  constructor(
    private readonly application: Pick<INestApplicationContext, 'get'>,
    options: PushWsAdapterOptions = {},
  ) {
    super(undefined, options as ConstructorParameters<typeof WsAdapter>[1]);
    this.fallback = options.fallback;
  }

  override create(port: number, options: { readonly path?: string } = {}): unknown {
    // The server is known only now: the adapter may be created with the application's providers, before there is a server.
    const server = new HttpServer(this.resolve(HttpAdapterHost)).node;
    (this as unknown as { httpServer: unknown }).httpServer ??= server;
    if ((options as GatewayOptions)[pushGateway]) return this.createPushServer();
    if (!this.fallback) return super.create(port, { ...options });
    const foreign = (this.fallback as unknown as WsAdapter).create(port, { ...options }) as object;
    this.fallbackServers.add(foreign);
    return foreign;
  }

  override bindClientConnect(server: object, callback: (...args: unknown[]) => void): void {
    if (!this.fallbackServers.has(server)) {
      super.bindClientConnect(server as never, callback);
      return;
    }
    this.fallback!.bindClientConnect(server as never, (client: object, ...rest: unknown[]) => {
      this.fallbackClients.add(client);
      callback(client, ...rest);
    });
  }

  override bindClientDisconnect(client: object, callback: () => void): void {
    if (this.fallbackClients.has(client)) this.fallback!.bindClientDisconnect(client as never, callback);
    else super.bindClientDisconnect(client, callback);
  }

  override bindMessageHandlers(
    client: object,
    handlers: MessageMappingProperties[],
    transform: (result: unknown) => Observable<unknown>,
  ): void {
    const inbox = MessageInbox.of(client);
    if (inbox) inbox.listen(handlers, transform);
    else if (this.fallbackClients.has(client))
      (this.fallback as unknown as WsAdapter).bindMessageHandlers(client, handlers, transform);
    else super.bindMessageHandlers(client, handlers, transform);
  }

  override async close(server: object): Promise<void> {
    await (this.fallbackServers.has(server) ? this.fallback!.close(server as never) : super.close(server));
  }

  override async dispose(): Promise<void> {
    this.listening?.server.off('upgrade', this.listening.listener);
    await this.fallback?.dispose();
    await super.dispose();
  }

  /** Replaces Nest's own upgrade listener, which would destroy the sockets of upgrades that other listeners handle. */
  protected override ensureHttpServerExists(port: number, server?: Server): Server | undefined {
    if (port !== 0 || !server) return super.ensureHttpServerExists(port, server);
    this.httpServersRegistry.set(port, server);
    this.listen(server);
    return server;
  }

  private resolve<T>(token: new (...args: never[]) => T): T {
    return this.application.get<T>(token, { strict: false });
  }

  private createPushServer(): WebSocketServer {
    const { websocket: settings, compression } = this.application.get<GatewaySettings>(pushSettings, {
      strict: false,
    });
    const server = new WebSocketServer(serverOptions(settings, compression));
    // ws closes a client that breaks the protocol. Logging it would let clients fill the log.
    server.on('connection', (client) => client.on('error', () => undefined));
    this.push = {
      server,
      settings,
      basePath: this.resolve(BasePath),
      door: this.resolve(Door),
      streams: this.resolve(SharedStreams),
    };
    if (this.httpServer) this.listen(this.httpServer as Server);
    return server;
  }

  private listen(server: Server): void {
    if (this.listening) return;
    const listener: UpgradeListener = (request, socket, head) => this.upgrade(request, socket, head);
    server.on('upgrade', listener);
    this.listening = { server, listener };
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? '').split('?')[0];
    if (this.push?.basePath.matches(path)) {
      admit(this.push, request, socket, head).catch(() => socket.destroy());
      return;
    }
    const server = this.ownServer(path);
    if (server) {
      server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
      return;
    }
    // Other listeners (a GraphQL server, socket.io, a dev server's HMR) handle their own paths.
    if (this.listening!.server.listenerCount('upgrade') > 1) leaveToOthers(socket);
    else refusePath(socket);
  }

  /** The server of one of the application's own `ws` gateways. */
  private ownServer(path: string | undefined): WebSocketServer | undefined {
    const servers = (this.wsServersRegistry.get(0) ?? []) as (WebSocketServer & { path?: string })[];
    return servers.find((server) => server.path === path);
  }
}

/** Admits or refuses a client. Only its handshake is read before the gatekeeper has decided. */
async function admit(
  push: PushServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { settings, door } = push;
  const pending = new PendingUpgrade(socket);
  // The socket keeps the head with the data that follows. With nothing to read, it would end at the client's FIN.
  if (head.length > 0) socket.unshift(head);
  let session: Session;
  try {
    session = await door.open(request, {
      transport: 'websocket',
      byFirstMessage: settings.firstMessage,
      whenGone: (then) => pending.whenGone(then),
    });
  } catch (thrown) {
    refuseUpgrade(socket, explain(thrown).error, door.comeBackIn);
    return;
  }
  pending.release();
  connect(push, request, socket, session);
}

/** Completes the handshake, unless the client has left or the handshake is invalid. */
function connect(
  { server, streams }: PushServer,
  request: IncomingMessage,
  socket: Duplex,
  session: Session,
): void {
  let isConnected = false;
  keepAcceptableOffers(request);
  // The answer to the handshake and the greeting are one write.
  socket.cork();
  try {
    server.handleUpgrade(request, socket, Buffer.alloc(0), (client) => {
      isConnected = true;
      releaseInflaters(client);
      const compressed = isDeflated(client) ? new StreamMember(streams, deflatedMessages) : undefined;
      server.emit('connection', client, request, session, compressed);
    });
  } finally {
    socket.uncork();
    if (!isConnected) session.close();
  }
}

/** How many fragments a message may have. Each costs memory of its own, so a small message could take a lot. */
const maxFragments = 1_024;

/** `bounds` is a variable of its own because some of its options are missing in the types of ws. */
function serverOptions({ maxMessageBytes }: Required<WebSocketOptions>, compression: boolean): ServerOptions {
  const bounds = { maxFragments, maxBufferedChunks: maxFragments, closeTimeout: 5_000 };
  return {
    noServer: true,
    clientTracking: true,
    maxPayload: maxMessageBytes,
    // Each message of a client is decompressed by itself, so that nothing is kept between two.
    perMessageDeflate: compression && { clientNoContextTakeover: true },
    ...bounds,
  };
}
