import { createChannel, createSession, type Channel } from 'better-sse';
import { createServer } from 'node:http';
import { topicOf } from '../server/rooms.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';

/* better-sse with a channel for each topic. */

export async function start({ topics }: ServerOptions): Promise<BenchServer> {
  const channels: Channel[] = Array.from({ length: topics }, () => createChannel());
  const http = createServer((request, response) => {
    void createSession(request, response).then((session) => channels[topicOf(request)]!.register(session));
  });
  return { http, publish: (event, topic) => channels[topic]!.broadcast(event) };
}
