import type { Gatekeeper } from '../access/gatekeeper.js';
import type { Session } from '../access/session.js';
import type { TransportName } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { assertPattern } from '../contracts/topic.js';
import type { Cursor } from '../hub/replay/cursor.js';
import type { ServerMessage } from '../wire/websocket.messages.js';
import type { SubscribeMessage } from './client-messages.js';
import type { ConnectionContext } from './hooks.js';
import type { Reception } from './reception.js';

/** A client that speaks in the messages of PROTOCOL.md, whatever carries them. */
export interface MessageClient {
  readonly id: string;
  /** Names it in all its connections. */
  readonly clientId: string;
  readonly transport: TransportName;
  readonly principal: Principal | undefined;
  readonly session: Session;
  readonly cursor: Cursor;
  send(message: ServerMessage): void;
  /** What `run` sends goes out in one write, as far as there is room. */
  together(run: () => void): void;
}

/** What such a client is told when it comes in. */
export class MessageLimits {
  constructor(
    /** Milliseconds between heartbeats. */
    readonly heartbeat: number,
    readonly maxMessageBytes: number,
    readonly maxTopics: number,
  ) {}
}

/** Whom such a client deals with. */
export interface MessageDesk {
  readonly gatekeeper: Gatekeeper;
  readonly reception: Reception;
  readonly limits: MessageLimits;
}

/** The first message: `hello`. */
export function greet(
  client: MessageClient,
  { heartbeat, maxMessageBytes, maxTopics }: MessageLimits,
  ref?: string,
): void {
  client.send({
    event: 'hello',
    data: {
      ref,
      connection: client.id,
      client: client.session.clientTokenOn(client.id),
      heartbeat,
      limits: { maxMessageBytes, maxTopics, maxInnerWildcards: client.session.limits.innerWildcards },
      expiresAt: client.session.expiresAt,
    },
  });
}

/** Where a client is: nowhere, as long as it has no topics. Ids count what all others are sent. */
export function positionOf({ cursor }: Pick<MessageClient, 'cursor'>): string | undefined {
  return cursor.isIdle ? undefined : cursor.position;
}

/**
 * Does what a client asks for by `subscribe`, and answers with `subscribed` and `live`.
 *
 * @throws PushError `INVALID_TOPIC`, `LIMIT_EXCEEDED`, and what `Gatekeeper.subscribe` and `Cursor.subscribe` throw
 */
export async function subscribe(
  client: MessageClient,
  { topics, from, ref, repeat }: SubscribeMessage,
  { gatekeeper, reception, limits }: MessageDesk,
): Promise<void> {
  topics.forEach((topic) => assertPattern(topic));
  assertRoom(client, topics, limits.maxTopics);
  await gatekeeper.subscribe(client.session, topics, {
    announce: () => reception.subscribe(contextOf(client), topics),
    grant: () => {
      const answer = (event: 'subscribed' | 'live') => (id: string, own: readonly string[]) =>
        client.send({ event, data: { ref, topics: own, id } });
      client.together(() => {
        const options = { repeat, onLive: answer('live') };
        client.cursor.subscribe(topics, from || 'now', answer('subscribed'), options);
      });
    },
  });
}

/** What hooks are told of a client. */
export function contextOf({ id, transport, principal }: MessageClient): ConnectionContext {
  return { connection: id, transport, principal };
}

function assertRoom({ cursor }: MessageClient, topics: readonly string[], maxTopics: number): void {
  if (new Set([...cursor.topics, ...topics]).size <= maxTopics) return;
  const advice = 'Unsubscribe from some first, or use a wildcard.';
  throw new PushError('LIMIT_EXCEEDED', `A connection may have ${maxTopics} topics. ${advice}`, {
    retryable: false,
  });
}
