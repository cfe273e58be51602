import { Controller, Module, Param, Sse } from '@nestjs/common';
import { EventBus, PushModule, topic, type EventStream } from 'nestjs-push';
import { nestApplication } from '../server/nest.js';
import { observing } from '../server/observing.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';

/* nestjs-push: an `@Sse()` route, and the gateway at /push. */

const boundless = { perSecond: Infinity, burst: Infinity };

@Controller()
class EventsController {
  constructor(private readonly events: EventBus) {}

  @Sse('events/:topic')
  watch(@Param('topic') name: string): EventStream {
    return this.events.stream(topic`bench.${name}`);
  }
}

export async function start(options: ServerOptions): Promise<BenchServer> {
  const { platform, retained, state, presence, tracing, compression, carrier } = options;
  @Module({
    imports: [
      ...observing(tracing),
      PushModule.forRoot({
        topics: [{ pattern: 'bench.>', access: 'public', state, presence }],
        retention: retained === undefined ? {} : { events: retained, bytes: 512 * 1024 * 1024 },
        heartbeat: 600_000,
        compression,
        // The load generator is one address, and thousands of clients.
        limits: { connectionsPerAddress: 20_000, work: boundless, subscribe: boundless },
      }),
    ],
    controllers: [EventsController],
  })
  class AppModule {}

  const app = await nestApplication(AppModule, platform, { carrier });
  const events = app.get(EventBus);
  return {
    http: app.getHttpServer(),
    publish: (event, topic) => events.publish(`bench.${topic}`, event),
    remove: (topic) => events.remove(`bench.${topic}`),
    present: (topic) => events.presence(`bench.${topic}`).count,
    position: () => events.stats().positions.head,
    listen: () => {
      let received = 0;
      events.on('bench.>').subscribe(() => received++);
      return () => received;
    },
  };
}
