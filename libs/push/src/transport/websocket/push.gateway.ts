import { Inject, UseFilters, type Type } from '@nestjs/common';
import {
  ConnectedSocket,
  SubscribeMessage as OnMessage,
  WebSocketGateway,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { Gatekeeper } from '../../access/gatekeeper.js';
import { declarePushEndpoint } from '../../access/push-endpoint.js';
import type { Session } from '../../access/session.js';
import { ErrorReporter } from '../../bus/error-reporter.js';
import { explain } from '../../bus/failure.js';
import {
  readPresence,
  readPublish,
  readSubscribe,
  readToken,
  readUnsubscribe,
} from '../../clients/client-messages.js';
import { greet, subscribe, type ConversationSettings } from '../../clients/conversation.js';
import { Door } from '../../clients/door.js';
import type { StreamMember } from '../../clients/shared-streams.js';
import { PushError } from '../../contracts/errors.js';
import { pushSettings } from '../../contracts/settings.js';
import { PresenceMessages } from '../../state/presence-messages.js';
import { websocketDialect } from '../../wire/websocket.dialect.js';
import { publishedMessage, refreshedMessage } from '../../wire/websocket.messages.js';
import { MessageInbox } from './message-inbox.js';
import { pushGateway } from './push-ws.adapter.js';
import { PushWsFilter } from './push-ws.filter.js';
import { SocketOutlet } from './socket-outlet.js';

/**
 * Push's WebSocket endpoint. It is an ordinary Nest gateway, so that the application's guards and interceptors apply. Its
 * handlers read messages from the inbox, because the application's global pipes may have changed their arguments.
 */
@UseFilters(PushWsFilter)
export class PushGateway implements OnGatewayConnection<WebSocket> {
  constructor(
    @Inject(Door) private readonly door: Door,
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(pushSettings) private readonly settings: ConversationSettings,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(PresenceMessages) private readonly presence: PresenceMessages,
  ) {}

  handleConnection(
    socket: WebSocket,
    request: IncomingMessage,
    session: Session,
    compressed?: StreamMember,
  ): void {
    const outlet = new SocketOutlet(socket, request.socket, compressed);
    const client = this.door.clientOf(session, outlet);
    const inbox = new MessageInbox(socket, client, outlet, this.door);
    this.door.count(client);
    client.begin(websocketDialect);
    if (!session.isPending) inbox.opening = this.welcome(inbox);
  }

  /** Runs the connect hooks, then greets the client. */
  private welcome(inbox: MessageInbox, ref?: string): Promise<void> | undefined {
    const greeting = this.door.runConnectHooks(inbox.client);
    if (greeting)
      return greeting.then(
        () => this.greet(inbox, ref),
        (thrown: unknown) => this.refuse(inbox, thrown),
      );
    this.greet(inbox, ref);
    return undefined;
  }

  private greet(inbox: MessageInbox, ref: string | undefined): void {
    inbox.opening = undefined;
    greet(inbox.client, this.settings, ref);
  }

  /** Refuses a client that a connect hook rejected. */
  private refuse(inbox: MessageInbox, thrown: unknown): void {
    const { error, isExpected } = explain(thrown, inbox.client);
    if (!isExpected) this.errors.report(thrown, { stage: 'connect', connection: inbox.client.id });
    inbox.refuse(error);
  }

  @OnMessage('authenticate')
  async authenticate(@ConnectedSocket() socket: object): Promise<void> {
    const inbox = inboxOf(socket);
    const { token, ref } = readToken(inbox.message);
    const { session } = inbox.client;
    if (!session.isPending)
      throw new PushError(
        'INVALID_MESSAGE',
        'The connection is authenticated. Send "refresh" for a new token.',
      );
    try {
      await this.gatekeeper.authenticate(session, token);
    } catch (thrown) {
      inbox.refuse(explain(thrown, inbox.client).error);
      return;
    }
    await this.welcome(inbox, ref);
  }

  @OnMessage('refresh')
  async refresh(@ConnectedSocket() socket: object): Promise<void> {
    const { client, message } = inboxOf(socket);
    const { token, ref } = readToken(message);
    client.session.assertOpen();
    await this.gatekeeper.authenticate(client.session, token);
    client.send(refreshedMessage(ref, client.session.expiresAt));
  }

  @OnMessage('subscribe')
  async subscribe(@ConnectedSocket() socket: object): Promise<void> {
    const { client, message } = inboxOf(socket);
    // Nothing is read from the log for a client that is gone.
    if (client.isGone) return;
    await subscribe(client, readSubscribe(message), this.door, this.settings);
  }

  @OnMessage('unsubscribe')
  unsubscribe(@ConnectedSocket() socket: object): void {
    const { client, message } = inboxOf(socket);
    const { topics, ref } = readUnsubscribe(message);
    if (client.isGone) return;
    this.gatekeeper.unsubscribe(client.session, topics);
    client.unsubscribe(topics);
    client.send({ event: 'unsubscribed', data: { ref, topics } });
  }

  @OnMessage('publish')
  async publish(@ConnectedSocket() socket: object): Promise<void> {
    const { client, message } = inboxOf(socket);
    const { ref, ...publication } = readPublish(message);
    const id = await this.gatekeeper.publish(client.session, publication, client.id);
    client.send(publishedMessage(ref, id));
  }

  @OnMessage('presence')
  async present(@ConnectedSocket() socket: object): Promise<void> {
    const { client, message } = inboxOf(socket);
    await this.presence.handle(client.session, { ...readPresence(message), connection: client.id });
  }
}

function inboxOf(socket: object): MessageInbox {
  const inbox = MessageInbox.of(socket);
  if (!inbox) throw new PushError('CLOSED', 'The connection is closing.');
  return inbox;
}

/** Creates a gateway class for one module, at `path`. */
export function pushGatewayAt(path: string): Type<PushGateway> {
  class ConfiguredPushGateway extends PushGateway {}
  WebSocketGateway({ path, [pushGateway]: true } as object)(ConfiguredPushGateway);
  declarePushEndpoint(ConfiguredPushGateway);
  return ConfiguredPushGateway;
}
