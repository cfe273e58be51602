import plugin from '@fastify/sse';
import fastify, { type FastifyPluginAsync, type FastifyReply } from 'fastify';
import { Rooms, topicOf } from '../server/rooms.js';
import type { BenchServer } from '../server/contract.js';

/* @fastify/sse, whose documentation broadcasts by a set of connections. */

export async function start(): Promise<BenchServer> {
  const app = fastify();
  const rooms = new Rooms<FastifyReply['sse']>();
  await app.register(plugin as unknown as FastifyPluginAsync);
  app.get('/events/:topic', { sse: true }, async (request, { sse, raw }) => {
    sse.keepAlive();
    sse.onClose(() => rooms.leave(sse));
    sse.sendHeaders();
    // Otherwise they wait for the first event, or a heartbeat.
    raw.flushHeaders();
    rooms.join(topicOf(request.raw), sse);
  });
  await app.ready();
  let id = 0;
  let sent: Promise<unknown> = Promise.resolve();
  return {
    http: app.server,
    publish(event, topic) {
      id++;
      const message = { id: String(id), data: event };
      // `send` waits for room, and so has the next event to.
      sent = sent.then(() => Promise.all([...rooms.of(topic)].map((sse) => sse.send(message))));
      return sent;
    },
  };
}
