import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';

/** The backplane of a node in a process of its own. The server is one that tests start, at `port`. */
export function backplaneAt(kind, port, options = {}) {
  switch (kind) {
    case 'Redis':
      return redisBackplane({ url: `redis://127.0.0.1:${port}`, ...options });
    case 'NATS':
      return natsBackplane({ servers: `127.0.0.1:${port}`, ...options });
    case 'Postgres':
      return postgresBackplane({ url: `postgres://push@127.0.0.1:${port}/push`, ...options });
    default:
      throw new Error(`There is no backplane "${kind}".`);
  }
}
