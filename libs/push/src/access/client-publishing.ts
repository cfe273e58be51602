import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { EventBus } from '../bus/event-bus.js';
import type { RemoveOptions } from '../bus/publish.options.js';
import { PublishRules } from '../bus/publish-rules.js';
import { PushError } from '../contracts/errors.js';
import type { PayloadSchema } from '../contracts/payload-schema.js';
import { pushSettings } from '../contracts/settings.js';
import { assertTopic } from '../contracts/topic.js';
import { schemasOf, type DeclaredSchemas } from '../contracts/topic-schemas.js';
import { payloadOf } from './payload.js';
import type { Session } from './session.js';
import { TopicAccess } from './topic-access.js';

/** An event that a client publishes. */
export interface ClientPublication {
  readonly topic: string;
  readonly data: unknown;
  readonly type?: string;
  readonly messageId?: string;
  /** Comes back with the event: see `PublishOptions.tag`. Default: none. */
  readonly tag?: string;
  readonly ephemeral?: boolean;
  /** Whether the client gets the event itself, if it has subscribed to the topic. Default: `true`. */
  readonly echo?: boolean;
  /** For state topics: the id of the state that it takes the place of, or `none`. Default: whatever is there. */
  readonly expect?: string;
  /** For state topics: takes the state away. `data`, `type` and what a policy makes of data do not count. Default: `false`. */
  readonly remove?: boolean;
}

/** Publishes what clients send, if a policy allows it. */
@Injectable()
export class ClientPublishing {
  constructor(
    @Inject(TopicAccess) private readonly topics: TopicAccess,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(pushSettings) private readonly settings: { readonly schemas: readonly DeclaredSchemas[] },
    @Inject(PublishRules) private readonly rules: Pick<PublishRules, 'retention'>,
  ) {}

  /**
   * Returns the event's id once it is stored; `undefined` if it is ephemeral.
   *
   * @param connection the id of the client's connection, if it is known
   * @throws PushError `INVALID_TOPIC`, `FORBIDDEN`, `INVALID_MESSAGE` for `expect` and `remove` where there is no state, and what the policy's `transform` and `accept`, and `EventBus.publish` throw;
   * `BadRequestException` for data that is not valid
   */
  async publish(
    session: Session,
    publication: ClientPublication,
    connection: string | undefined,
  ): Promise<string | undefined> {
    const { topic, type, tag, ephemeral = false, remove = false } = publication;
    assertTopic(topic);
    if (remove) return this.remove(session, publication, connection);
    // A client that may not publish must not learn what valid data looks like.
    const grant = await this.topics.assertMayPublish(session, topic);
    this.assertFits(publication);
    const { policy } = grant.declared;
    const payload = grant.declared.payload ?? this.schemaOf(topic);
    const valid = payload ? await payloadOf(payload, publication.data) : publication.data;
    // The policy gets an instance of the payload class, or what the schema makes of it. What was sent is stored, unless the policy changes it.
    const data = policy.transform
      ? await this.topics.transform(grant, session, topic, valid)
      : publication.data;
    session.assertOpen();
    const options = { type, tag, ...optionsOf(session, publication, connection) };
    const id = ephemeral
      ? await this.bus.publish(topic, data, { ...options, ephemeral })
      : await this.bus
          .publish(topic, data, options)
          .catch((error: unknown) => this.refused(error, session, topic));
    if (policy.accept) await this.topics.accept(grant, session, topic, { data, id });
    return id;
  }

  private async remove(
    session: Session,
    publication: ClientPublication,
    connection: string | undefined,
  ): Promise<string> {
    await this.topics.assertMayPublish(session, publication.topic, 'canRemove');
    this.assertFits(publication);
    session.assertOpen();
    const { topic } = publication;
    return this.bus
      .remove(topic, optionsOf(session, publication, connection))
      .catch((error: unknown) => this.refused(error, session, topic));
  }

  /**
   * Publishing is no right to read: a client that may not read the topic is told of a conflict, and not which state there is.
   *
   * @throws PushError always: `error`, or a conflict without an id
   */
  private async refused(error: unknown, session: Session, topic: string): Promise<never> {
    if (!(error instanceof PushError) || error.code !== 'CONFLICT') throw error;
    const { denied, undecided } = await this.topics.examine(session, [topic]);
    if (denied.length + undecided.length === 0) throw error;
    throw new PushError('CONFLICT', `${topic} is not in the state that was expected.`, { cause: error });
  }

  /** @throws PushError `INVALID_MESSAGE` for an event that is about a state where there is none, or that is no state itself */
  private assertFits({ topic, expect, remove, ephemeral }: ClientPublication): void {
    const field = remove ? 'remove' : 'expect';
    if (!remove && expect === undefined) return;
    if (!this.rules.retention.of(topic).state)
      throw new PushError('INVALID_MESSAGE', `${field} is for state topics, and ${topic} is none.`);
    if (ephemeral) throw new PushError('INVALID_MESSAGE', `${field} is for events that are stored.`);
  }

  /** What validates what clients publish to `topic`, where the policy does not say. */
  private schemaOf(topic: string): PayloadSchema | undefined {
    const { publish, event } = schemasOf(this.settings.schemas, topic) ?? {};
    return publish ?? event;
  }
}

function optionsOf(
  session: Session,
  { topic, messageId, echo = true, expect }: ClientPublication,
  connection: string | undefined,
): RemoveOptions {
  return {
    messageId: messageId === undefined ? undefined : scoped(messageId, topic, session.principal!.id),
    except: echo ? undefined : session.clientIdOn(connection ?? ''),
    publisher: session.principal?.id ?? session.address,
    expect,
  };
}

/** A client's message ids are its own: it cannot use up those of the application, nor of other clients. */
function scoped(messageId: string, topic: string, principal: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([principal, topic, messageId]))
    .digest('base64url');
  return `client-${digest}`;
}
