import { Inject, Injectable } from '@nestjs/common';
import { Gatekeeper } from '../access/gatekeeper.js';
import type { Session } from '../access/session.js';
import type { PresenceBody } from '../clients/client-messages.js';
import { Presence } from './presence.js';

/** Handles what clients say of themselves, for all transports. */
@Injectable()
export class PresenceMessages {
  constructor(
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(Presence) private readonly presence: Presence,
  ) {}

  /** @throws what `Gatekeeper.presentation` and `Presence.set` throw */
  async handle(session: Session, { topic, data, connection = '' }: PresenceBody): Promise<void> {
    const text = await this.gatekeeper.presentation(session, topic, data);
    await this.presence.set(session, connection, topic, text);
  }
}
