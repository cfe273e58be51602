import { UseFilters } from '@nestjs/common';
import {
  ConnectedSocket,
  SubscribeMessage as OnMessage,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session } from '../../access/session.js';
import { ErrorReporter } from '../../bus/error-reporter.js';
import { PushError } from '../../contracts/errors.js';
import { publishedMessage, refreshedMessage } from '../../wire/websocket.messages.js';
import { explain } from '../../bus/failure.js';
import { Reception } from '../../clients/reception.js';
import { readPublish, readSubscribe, readToken, readUnsubscribe } from '../../clients/client-messages.js';
import { contextOf, greet, subscribe } from '../../clients/message-client.js';
import { PushWsFilter } from './push-ws.filter.js';
import type { WebSocketConnection } from './websocket-connection.js';
import { WebSocketConnections } from './websocket-connections.js';
import { WebSocketSettings } from './websocket.options.js';

/**
 * The WebSocket side of push: a Nest gateway like any other, so that the application's guards and interceptors apply.
 * Its messages are read from the connection, and not from what Nest hands over: that has been through the application's
 * global pipes, and PROTOCOL.md, which says what goes over the wire, knows of none.
 */
@UseFilters(PushWsFilter)
export class PushGateway implements OnGatewayConnection<WebSocket>, OnGatewayDisconnect<WebSocket> {
  constructor(
    private readonly connections: WebSocketConnections,
    private readonly gatekeeper: Gatekeeper,
    private readonly settings: WebSocketSettings,
    private readonly reception: Reception,
    private readonly errors: ErrorReporter,
  ) {}

  handleConnection(client: WebSocket, request: IncomingMessage, session: Session): void {
    const connection = this.connections.open(client, request, session);
    session.attach(connection);
    if (!session.isPending) connection.opening = this.receive(connection);
  }

  handleDisconnect(client: WebSocket): void {
    this.connections.close(client);
  }

  /** Runs the connect hooks, then greets the client. */
  private receive(connection: WebSocketConnection, ref?: string): Promise<void> | undefined {
    const greeting = this.reception.greet(contextOf(connection));
    if (greeting)
      return greeting.then(
        () => this.greet(connection, ref),
        (thrown: unknown) => this.refuse(connection, thrown),
      );
    this.greet(connection, ref);
    return undefined;
  }

  private greet(connection: WebSocketConnection, ref: string | undefined): void {
    connection.opening = undefined;
    greet(connection, this.settings, ref);
  }

  /** A connect hook said no. */
  private refuse(connection: WebSocketConnection, thrown: unknown): void {
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.errors.report(thrown, { stage: 'connect', connection: connection.id });
    connection.refuse(error);
  }

  @OnMessage('authenticate')
  async authenticate(@ConnectedSocket() client: object): Promise<void> {
    const connection = this.connectionOf(client);
    const { token, ref } = readToken(connection.message);
    const { session } = connection;
    if (!session.isPending)
      throw new PushError(
        'INVALID_MESSAGE',
        'The connection is authenticated. Send "refresh" for a new token.',
      );
    try {
      await this.gatekeeper.authenticate(session, token);
    } catch (thrown) {
      connection.refuse(explain(thrown).error);
      return;
    }
    await this.receive(connection, ref);
  }

  @OnMessage('refresh')
  async refresh(@ConnectedSocket() client: object): Promise<void> {
    const connection = this.connectionOf(client);
    const { token, ref } = readToken(connection.message);
    connection.session.assertOpen();
    await this.gatekeeper.authenticate(connection.session, token);
    connection.send(refreshedMessage(ref, connection.session.expiresAt));
  }

  @OnMessage('subscribe')
  async subscribe(@ConnectedSocket() client: object): Promise<void> {
    const { gatekeeper, reception, settings: limits } = this;
    const connection = this.connectionOf(client);
    // What a client that is gone would read, nobody gets.
    if (connection.isOver) return;
    await subscribe(connection, readSubscribe(connection.message), { gatekeeper, reception, limits });
  }

  @OnMessage('unsubscribe')
  unsubscribe(@ConnectedSocket() client: object): void {
    const connection = this.connectionOf(client);
    const { topics, ref } = readUnsubscribe(connection.message);
    if (connection.isOver) return;
    this.gatekeeper.unsubscribe(connection.session, topics);
    connection.cursor.unsubscribe(topics);
    connection.send({ event: 'unsubscribed', data: { ref, topics } });
  }

  @OnMessage('publish')
  async publish(@ConnectedSocket() client: object): Promise<void> {
    const connection = this.connectionOf(client);
    const { ref, ...publication } = readPublish(connection.message);
    const id = await this.gatekeeper.publish(connection.session, publication, connection.id);
    connection.send(publishedMessage(ref, id));
  }

  private connectionOf(client: object): WebSocketConnection {
    const connection = this.connections.of(client);
    if (!connection) throw new PushError('CLOSED', 'The connection is closing.');
    return connection;
  }
}
