import { Inject, Injectable } from '@nestjs/common';
import { caughtUp } from '../bus/caught-up.js';
import { EventBus } from '../bus/event-bus.js';
import { PublishRules } from '../bus/publish-rules.js';
import { Publisher } from '../bus/publisher.js';
import { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { Draft } from '../contracts/event.js';
import { isAfter } from '../contracts/position.js';
import { Hub } from '../hub/hub.js';

/** How many events of a topic are read at a time. */
const pageSize = 1_000;

/** The rows that a topic has. */
export interface FoundRows {
  /** Their names. */
  readonly found: ReadonlySet<string>;
  /** Whether the log has all that was appended: it keeps the newest event of a state, and what the retention promises of others. */
  readonly isWhole: boolean;
}

/** The log, as an outbox uses it. */
@Injectable()
export class OutboxLog {
  private readonly publisher: Publisher;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Backplane) private readonly backplane: Backplane,
    @Inject(PublishRules) readonly rules: PublishRules,
  ) {
    this.publisher = new Publisher(hub, backplane);
  }

  /** Resolves when the log is known. */
  whenOpen(): Promise<void> {
    return new Promise((resolve) => this.hub.whenOpen(resolve));
  }

  /** The id of an entry after which everything comes that is appended from now on. */
  get head(): string {
    const { position } = this.hub;
    if (position === undefined) throw new PushError('UNAVAILABLE', 'The log cannot be read yet.');
    return position;
  }

  /** Publishes the event of a row. @throws PushError as `EventBus.publish` */
  async append(draft: Draft): Promise<void> {
    await this.publisher.append(draft, 'relay');
  }

  /** Puts an event aside in a row, with the context of a span in its metadata. @throws what `insert` throws */
  async create(draft: Draft, insert: (meta: EventMeta | undefined) => Promise<unknown>): Promise<void> {
    const span = this.hub.tracer?.publishing([{ draft, isEphemeral: false }], 'create');
    try {
      await insert((span ? span.carry(draft) : draft).meta);
      span?.end();
    } catch (error) {
      span?.fail(error);
      throw error;
    }
  }

  /** Resolves once this node has read everything that is in the log now. @throws PushError `UNAVAILABLE` */
  caughtUp(): Promise<void> {
    return caughtUp(this.hub, this.backplane);
  }

  /** Which of some rows' names a topic has after an id. It reads no further than it has to. */
  async find(topic: string, names: ReadonlySet<string>, after: string): Promise<FoundRows> {
    const found = new Set<string>();
    let before: string | undefined;
    let isWhole = !this.isState(topic);
    do {
      const page = await this.bus.history(topic, { limit: pageSize, before });
      for (const { id, meta } of [...page.events].reverse()) {
        if (!isAfter(id!, after)) return { found, isWhole };
        const row = meta?.row;
        if (typeof row === 'string' && names.has(row)) found.add(row);
      }
      if (page.gap !== undefined) isWhole = false;
      before = page.before;
    } while (before !== undefined && found.size < names.size);
    return { found, isWhole };
  }

  /** Whether only the newest event of a topic is kept. */
  private isState(topic: string): boolean {
    return this.rules.retention.of(topic).state !== undefined;
  }
}
