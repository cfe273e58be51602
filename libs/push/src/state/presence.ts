import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { withoutParameters } from '../access/access-rules.js';
import type { Session } from '../access/session.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import type { PresenceSource, TopicPresence } from '../bus/presence.js';
import type { Client } from '../clients/client.js';
import type { ClientListener, Presentation } from '../clients/client-listener.js';
import { Clients } from '../clients/clients.js';
import { PushError } from '../contracts/errors.js';
import type { PresenceOptions } from '../contracts/presence.js';
import { memberTopicOf } from '../contracts/reserved.js';
import { pushSettings } from '../contracts/settings.js';
import { NodeLease } from './node-lease.js';
import { memberText, type OwnMember } from './own-member.js';
import { PresenceNode } from './presence-node.js';
import { PresenceRules } from './presence-rules.js';
import { LiveTopicPresence } from './topic-presence.js';

/** The settings of presence. */
interface PresenceSettings {
  readonly topics: readonly { readonly pattern: string; readonly presence?: boolean | PresenceOptions }[];
  readonly heartbeat: number;
}

/** A connection is found dead after at most so many heartbeats. */
const heartbeatsToNotice = 2;

/**
 * Who is there: makes members of the clients that read topics with presence, and of the log a live set for each topic. Without such
 * a rule it does nothing.
 */
@Injectable()
export class Presence implements OnModuleInit, OnApplicationShutdown, ClientListener<Client>, PresenceSource {
  private readonly rules: PresenceRules;
  private readonly node: PresenceNode | undefined;
  /** What each connection is in, by topic. */
  private readonly present = new Map<Client, Map<string, OwnMember>>();
  private readonly endings = new Set<() => void>();

  constructor(
    @Inject(NodeLease) lease: NodeLease,
    @Inject(Clients) private readonly clients: Clients,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(pushSettings) { topics, heartbeat }: PresenceSettings,
  ) {
    this.rules = new PresenceRules(withoutParameters(topics));
    if (!this.rules.areThere) return;
    const onError = (error: unknown) => this.errors.report(error, { stage: 'presence' });
    const patience = heartbeatsToNotice * heartbeat;
    this.node = new PresenceNode(lease, { rules: this.rules, patience, onError });
  }

  onModuleInit(): void {
    if (this.node) this.clients.listen(this);
  }

  onApplicationShutdown(): void {
    for (const end of this.endings) end();
  }

  of(topic: string): TopicPresence {
    if (!this.node || !this.rules.of(topic))
      throw new PushError(
        'INVALID_OPTION',
        `${topic} has no presence. Give a rule of "topics" that matches it presence: true.`,
      );
    const onEnd = (end: () => void) => {
      this.endings.add(end);
      return () => this.endings.delete(end);
    };
    const onError = (error: unknown) => this.errors.report(error, { stage: 'handler' });
    return new LiveTopicPresence(topic, this.node, onEnd, onError);
  }

  /**
   * Sets what others see of a client in a topic, on whichever node the client is. @param data as JSON text; `undefined` for nothing
   *
   * @param connection the id of one of its connections
   * @throws PushError `FORBIDDEN` unless the client is present there; `UNAVAILABLE`
   */
  async set(session: Session, connection: string, topic: string, data: string | undefined): Promise<void> {
    const member = session.clientIdOn(connection);
    const own = this.node?.members.find(topic, member);
    if (own?.isHere && !own.isElsewhere) return this.node!.members.set(own, data);
    // It is on another node, in whose name this one writes. That node may be writing too.
    const key = memberTopicOf(topic, member);
    for (let entry = this.node?.entry(key); entry; entry = this.node!.entry(key)) {
      const text = memberText(session.principal?.id, data);
      if (await this.node!.writer.set(key, text, entry.id, entry.owner)) return;
      if (this.node!.entry(key)?.id === entry.id) break;
    }
    throw new PushError('FORBIDDEN', `Not present in ${topic}: subscribe to it first.`);
  }

  subscribed(client: Client, topics: readonly string[], { data }: Presentation): void {
    const text = data === undefined || data === null ? undefined : JSON.stringify(data);
    for (const topic of topics) {
      const rule = this.rules.of(topic);
      if (!rule || !this.node) continue;
      const rooms = this.present.get(client) ?? new Map<string, OwnMember>();
      this.present.set(client, rooms);
      const member = client.session.clientIdOn(client.id);
      const present = { id: client.id, member, user: client.principal?.id };
      rooms.set(topic, this.node.members.enter(topic, present, rule, text));
    }
  }

  unsubscribed(client: Client, topics: readonly string[]): void {
    const rooms = this.present.get(client);
    for (const topic of topics) {
      const member = rooms?.get(topic);
      if (!member) continue;
      rooms!.delete(topic);
      this.node!.members.leave(member, client.id, false);
    }
  }

  left(client: Client): void {
    const rooms = this.present.get(client);
    this.present.delete(client);
    for (const member of rooms?.values() ?? []) this.node!.members.leave(member, client.id, true);
  }
}
