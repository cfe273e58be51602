import { DurableBackplane, type LogParts } from '../kit/durable.backplane.js';
import type { LogNode } from '../kit/log-node.js';
import { clientOf } from '../../postgres/place.js';
import { PostgresLink } from '../../postgres/postgres-link.js';
import { migrationOf } from './migration.js';
import { Names } from './names.js';
import { News } from './news.js';
import { PostgresAppender } from './postgres-appender.js';
import { PostgresHistory } from './postgres-history.js';
import { PostgresKeeper } from './postgres-keeper.js';
import { PostgresLog } from './postgres-log.js';
import { PostgresOneTimeStore } from './postgres-one-time-store.js';
import { PostgresReader } from './postgres-reader.js';
import { PostgresSignals } from './postgres-signals.js';
import {
  checkPostgresOptions,
  type PostgresBackplaneOptions,
  type PostgresPurpose,
} from './postgres.options.js';

const advice = 'Run what PostgresBackplane.sql() returns, or leave the option migrate out.';

/**
 * The log in PostgreSQL (15 or later). See docs/backplanes.md for what it promises.
 *
 * It opens four connections, and `close` closes them. All but the one that listens may go through a pooler in transaction mode:
 * nothing depends on the session.
 */
export class PostgresBackplane extends DurableBackplane {
  override readonly keepsState = true;
  override readonly keepsEnds = true;
  private readonly names: Names;

  /** @throws PushError `INVALID_OPTION` */
  constructor(private readonly options: PostgresBackplaneOptions = {}) {
    super('Postgres', options);
    checkPostgresOptions(options);
    this.names = new Names(options.schema ?? 'nestjs_push');
  }

  /** The SQL that makes the log's schema, for those who run it themselves. It changes nothing where it is there. */
  sql(): string {
    return migrationOf(this.names.name).sql;
  }

  protected connect(node: LogNode): LogParts {
    const { options, names } = this;
    const link = (purpose: PostgresPurpose) =>
      new PostgresLink(() => clientOf(options, purpose), advice, node.signal);
    const [publishing, reading] = [link('publishing'), link('reading')];
    const [asking, listening] = [link('asking'), link('listening')];
    const news = new News(`${BigInt(`0x${node.id}`)}`, node.signal);
    const log = new PostgresLog(asking, names, news, options.migrate ?? true);
    const signals = new PostgresSignals(node, asking, listening, names, news);
    const loops = [signals.run(), new PostgresKeeper(node, log, asking, names, options).run()];
    const closed = new Promise<void>((resolve) =>
      node.signal.addEventListener('abort', () => resolve(), { once: true }),
    ).then(() => Promise.all([publishing, reading, asking, listening].map((each) => each.close())));
    return {
      log,
      signals,
      appender: new PostgresAppender(
        node,
        log,
        publishing,
        names,
        Math.ceil(options.rememberMessageIds ?? 3_600_000),
      ),
      reader: new PostgresReader(node, log, reading, names, options.pollInterval ?? 500),
      history: new PostgresHistory(asking, log, names, node.retention),
      oneTimeStore: new PostgresOneTimeStore(asking, names),
      loops: [...loops, closed],
    };
  }
}

/** For `PushModule.forRoot({ backplane: postgresBackplane({ url }) })`. It connects when the module starts it. */
export function postgresBackplane(options: PostgresBackplaneOptions = {}): PostgresBackplane {
  return new PostgresBackplane(options);
}
