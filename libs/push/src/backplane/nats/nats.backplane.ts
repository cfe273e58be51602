import { refuse } from '../../contracts/option-checks.js';
import { DurableBackplane, type LogParts } from '../kit/durable.backplane.js';
import type { LogNode } from '../kit/log-node.js';
import { NatsAppender } from './nats-appender.js';
import { NatsClock } from './nats-clock.js';
import { NatsDeletion } from './nats-deletion.js';
import { NatsEnds } from './nats-ends.js';
import { NatsFloors } from './nats-floors.js';
import { NatsHistory } from './nats-history.js';
import { NatsLink } from './nats-link.js';
import { NatsLog } from './nats-log.js';
import { NatsOneTimeStore } from './nats-one-time-store.js';
import { NatsReader } from './nats-reader.js';
import { NatsRemovals } from './nats-removals.js';
import { NatsSignals } from './nats-signals.js';
import { NatsSweeper } from './nats-sweeper.js';
import { NatsTombstones } from './nats-tombstones.js';
import { checkNatsOptions, type NatsBackplaneOptions } from './nats.options.js';
import { Subjects } from './subjects.js';

/**
 * The log in NATS JetStream (server 2.9 or later; with replicas and finite topics 2.9.21). See docs/backplanes.md for what it promises with which storage.
 *
 * It opens one connection, and `close` closes it. If there is no stream when it starts, it creates one, which stays.
 */
export class NatsBackplane extends DurableBackplane {
  override readonly keepsState = true;
  override readonly keepsEnds = true;

  /** @throws PushError `INVALID_OPTION` */
  constructor(private readonly options: NatsBackplaneOptions = {}) {
    super('NATS', options);
    checkNatsOptions(options);
  }

  protected connect(node: LogNode): LogParts {
    const { options } = this;
    if (node.retention.state && options.maxBytes !== undefined)
      refuse(
        'maxBytes',
        options.maxBytes,
        'no value beside state topics: it drops the oldest events, and so states',
      );
    const subjects = new Subjects(options.stream ?? 'push');
    const link = new NatsLink(node, options);
    const log = new NatsLog(node, link, subjects, options);
    const signals = new NatsSignals(node, link, subjects);
    const deletion = new NatsDeletion(subjects, options);
    const floors = new NatsFloors(subjects, options);
    const tombstones = new NatsTombstones(node, link, log, subjects, { floors, deletion });
    const ends = new NatsEnds(node, log, subjects, new NatsClock(log, subjects));
    const removals = new NatsRemovals(node, link, log, subjects, deletion);
    // A reader has no time for what no rule needs.
    const watchers = [
      ...(node.retention.state ? [tombstones] : []),
      ...(node.retention.hasEnds ? [ends, removals] : []),
    ];
    const sweeper = new NatsSweeper(node, link, log, subjects, { floors, deletion, tombstones });
    return {
      log,
      signals,
      appender: new NatsAppender(node, log, link, subjects, options, ends),
      reader: new NatsReader(node, log, link, subjects, options, watchers),
      history: new NatsHistory(link, log, subjects, node.retention, options),
      oneTimeStore: new NatsOneTimeStore(link, log, subjects.stream, options),
      loops: [link.run(), log.keepMarked(), tombstones.run(), sweeper.run(), removals.run()],
    };
  }
}

/** For `PushModule.forRoot({ backplane: natsBackplane({ servers }) })`. It connects when the module starts it. */
export function natsBackplane(options: NatsBackplaneOptions = {}): NatsBackplane {
  return new NatsBackplane(options);
}
