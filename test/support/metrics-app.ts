import { Controller, Inject, Sse, type Type } from '@nestjs/common';
import { EventBus, PushModule, type PushOptions } from 'nestjs-push';
import { PushMetricsModule } from 'nestjs-push/opentelemetry';
import { map } from 'rxjs';
import { Scraped } from './scraped.js';
import { startApp, type RunningApp } from './start-app.js';

export const topics = [
  { pattern: 'news.*', access: 'public' as const },
  { pattern: 'rooms.:id.>', access: 'public' as const, retention: { events: 2 } },
  { pattern: 'secret', access: 'authenticated' as const },
];

/** Names of labels and of a metric. */
export const transport = 'nestjs_push_transport';
export const rule = 'messaging_destination_template';
export const sent = 'messaging_client_sent_messages_total';

@Controller()
class NewsController {
  constructor(@Inject(EventBus) private readonly bus: EventBus) {}

  @Sse('piped')
  piped() {
    return this.bus.stream('news.a').pipe(map((message) => message));
  }
}

/** An application whose metrics are scraped. */
export async function start(
  options: PushOptions = {},
  providers: Type[] = [],
): Promise<{ app: RunningApp; scraped: Scraped }> {
  const scraped = await Scraped.start();
  const { meterProvider } = scraped;
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({ topics, onError: () => undefined, ...options }),
      PushMetricsModule.forRoot({ meterProvider }),
      // Imported by another module too: it counts once.
      PushMetricsModule.forRoot({ meterProvider, eventLoopDelay: false }),
    ],
    controllers: [NewsController],
    providers,
  });
  return { app, scraped };
}

export const eventsUrl = (topic: string) => `/push/events?topic=${topic}`;
