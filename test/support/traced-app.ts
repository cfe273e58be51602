import {
  PushModule,
  PushTopic,
  type EventBus,
  type PushEvent,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { PushTracesModule, type PushTracesOptions } from 'nestjs-push/opentelemetry';
import { firstValueFrom } from 'rxjs';
import { Users } from './roles.js';
import { startApp, type RunningApp } from './start-app.js';
import { Traced } from './traced.js';

/** Topics of all kinds, which everybody may read. */
export const topics = [
  { pattern: 'news.*', access: 'public' as const },
  { pattern: 'rooms.:id.>', access: 'public' as const },
  { pattern: 'prices.*', access: 'public' as const, state: true },
  { pattern: 'jobs.*', access: 'public' as const, finite: true },
];

@PushTopic('rooms.:id')
class RoomPolicy implements TopicPolicy {
  canPublish() {
    return true;
  }
}

/** An application, and the spans of it. */
interface Scene {
  readonly app: RunningApp;
  readonly bus: EventBus;
  readonly traced: Traced;
}

/** An application whose spans are seen. */
export async function start(
  { traced = new Traced(), ...options }: PushTracesOptions & { traced?: Traced } = {},
  push: PushOptions = {},
): Promise<Scene> {
  const { tracerProvider } = traced;
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({ topics, onError: () => undefined, ...push }),
      PushTracesModule.forRoot({ tracerProvider, ...options }),
      // Imported by another module too: there is one span of each.
      PushTracesModule.forRoot({ tracerProvider }),
    ],
    providers: [Users, RoomPolicy],
  });
  return { app, bus: app.bus, traced };
}

/** The next event that a handler gets. */
export function next(bus: EventBus, pattern: string): Promise<PushEvent> {
  return firstValueFrom(bus.on(pattern));
}

/** The context of a span, as an event carries it. */
export const traceparent = (span: { traceId: string; spanId: string }, flags = '01') =>
  `00-${span.traceId}-${span.spanId}-${flags}`;
