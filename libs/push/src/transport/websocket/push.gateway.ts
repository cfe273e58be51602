import { UseFilters, UsePipes, ValidationPipe } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage as OnMessage,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { TopicAccess } from '../../access/topic-access.js';
import { ErrorReporter } from '../../bus/error-reporter.js';
import { PushError } from '../../contracts/errors.js';
import { assertPattern } from '../../contracts/topic.js';
import { explain } from '../failure.js';
import { Reception } from '../lifecycle/reception.js';
import { SubscribeMessage, UnsubscribeMessage } from './client-messages.js';
import { PushWsFilter } from './push-ws.filter.js';
import type { WebSocketConnection } from './websocket-connection.js';
import { WebSocketConnections } from './websocket-connections.js';
import { WebSocketSettings } from './websocket.options.js';

/**
 * The WebSocket side of push: a Nest gateway like any other, so that the application's guards, pipes and interceptors
 * apply. PROTOCOL.md says what goes over the wire.
 */
@UseFilters(PushWsFilter)
@UsePipes(new ValidationPipe({ transform: true, whitelist: true, forbidUnknownValues: true }))
export class PushGateway implements OnGatewayConnection<WebSocket>, OnGatewayDisconnect<WebSocket> {
  constructor(
    private readonly connections: WebSocketConnections,
    private readonly access: TopicAccess,
    private readonly settings: WebSocketSettings,
    private readonly reception: Reception,
    private readonly errors: ErrorReporter,
  ) {}

  handleConnection(client: WebSocket, request: IncomingMessage): void {
    const connection = this.connections.open(client, request);
    const greeting = this.reception.greet({ connection: connection.id, transport: 'websocket' });
    if (!greeting) {
      this.greet(connection);
      return;
    }
    connection.opening = greeting.then(
      () => this.greet(connection),
      (thrown: unknown) => this.refuse(connection, thrown),
    );
  }

  private greet(connection: WebSocketConnection): void {
    connection.opening = undefined;
    const { heartbeat, maxMessageBytes, maxTopics } = this.settings;
    connection.send({
      event: 'hello',
      data: {
        connection: connection.id,
        id: connection.cursor.position,
        heartbeat,
        limits: { maxMessageBytes, maxTopics },
      },
    });
  }

  /** A connect hook said no. */
  private refuse(connection: WebSocketConnection, thrown: unknown): void {
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.errors.report(thrown, { stage: 'connect', connection: connection.id });
    connection.fail(error);
  }

  handleDisconnect(client: WebSocket): void {
    this.connections.close(client);
  }

  @OnMessage('subscribe')
  async subscribe(
    @ConnectedSocket() client: WebSocket,
    @MessageBody() { topics, from, ref, repeat }: SubscribeMessage,
  ): Promise<void> {
    const connection = this.connectionOf(client);
    topics.forEach((topic) => assertPattern(topic));
    this.access.assertMaySubscribe(topics);
    this.assertRoom(connection, topics);
    await this.reception.subscribe({ connection: connection.id, transport: 'websocket' }, topics);
    connection.cursor.subscribe(
      topics,
      from ?? 'now',
      (id) => connection.send({ event: 'subscribed', data: { ref, topics, id } }),
      { repeat, onLive: (id) => connection.send({ event: 'live', data: { ref, topics, id } }) },
    );
  }

  @OnMessage('unsubscribe')
  unsubscribe(
    @ConnectedSocket() client: WebSocket,
    @MessageBody() { topics, ref }: UnsubscribeMessage,
  ): void {
    const connection = this.connectionOf(client);
    connection.cursor.unsubscribe(topics);
    connection.send({ event: 'unsubscribed', data: { ref, topics } });
  }

  private connectionOf(client: WebSocket): WebSocketConnection {
    const connection = this.connections.of(client);
    if (!connection) throw new PushError('CLOSED', 'The connection is closing.');
    return connection;
  }

  private assertRoom(connection: WebSocketConnection, topics: readonly string[]): void {
    const { maxTopics } = this.settings;
    if (new Set([...connection.cursor.topics, ...topics]).size <= maxTopics) return;
    const advice = 'Unsubscribe from some first, or use a wildcard.';
    throw new PushError('LIMIT_EXCEEDED', `A connection may have ${maxTopics} topics. ${advice}`);
  }
}
