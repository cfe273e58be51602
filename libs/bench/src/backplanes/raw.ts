import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { createHash } from 'node:crypto';
import type { RawLog } from './raw-log.js';
import { rawPostgres } from './raw-postgres.js';
import type { Kind } from './server.js';

export async function rawLog(kind: Kind, port: number): Promise<RawLog> {
  return { redis: rawRedis, nats: rawNats, postgres: rawPostgres }[kind](port);
}

const stream = 'raw';

/** The least that an append can be with an ordered number: one script, sent by its hash. All of a turn go in one pipeline. */
const script = `local n = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', 50000, string.format('%d-0', n), 'd', ARGV[1])
return n`;

async function rawRedis(port: number): Promise<RawLog> {
  const writer = new Redis(port, { enableAutoPipelining: true });
  const hash = createHash('sha1').update(script).digest('hex');
  await writer.script('LOAD', script);
  return {
    append: (data) => writer.evalsha(hash, 2, stream, `${stream}:sequence`, data),
    follow: async (receive) => {
      const reader = new Redis(port);
      await reader.ping();
      void followStream(reader, receive);
    },
  };
}

async function followStream(reader: Redis, receive: (data: string) => void): Promise<void> {
  for (let last = '$'; ;) {
    const reply = await reader.xread('COUNT', 256, 'BLOCK', 2_000, 'STREAMS', stream, last);
    for (const [id, [, data]] of (reply as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? []) {
      last = id;
      receive(data!);
    }
  }
}

async function rawNats(port: number): Promise<RawLog> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, noAsyncTraces: true });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: stream, subjects: [stream] });
  const client = jetstream(connection);
  return {
    append: (data) => client.publish(stream, data),
    follow: async (receive) => {
      const consumer = await client.consumers.get(stream, { deliver_policy: 'new' } as never);
      const messages = await consumer.consume({ max_messages: 10_000 });
      await connection.flush();
      void (async () => {
        for await (const message of messages) receive(message.string());
      })();
    },
  };
}
