import { Controller, Injectable, Sse } from '@nestjs/common';
import { EventBus, isEnded, PushModule, PushSnapshot, type PushOptions } from 'nestjs-push';
import { map } from 'rxjs';
import { startApp } from './start-app.js';
import type { WsClient } from './ws-client.js';

const topics: PushOptions['topics'] = [
  { pattern: 'runs.short.*', access: 'public', finite: true, retention: { events: 3 } },
  { pattern: 'runs.*', access: 'public', finite: true },
  { pattern: 'rooms.*', access: 'public', finite: true, presence: { grace: 0 } },
  { pattern: 'items.*', access: 'public', state: true },
  { pattern: '>', access: 'public' },
];

@Controller()
class Routes {
  constructor(private readonly bus: EventBus) {}

  @Sse('direct')
  direct() {
    return this.bus.stream('runs.1', { from: 'earliest' });
  }

  @Sse('two')
  two() {
    return this.bus.stream(['runs.1', 'runs.2'], { from: 'earliest', envelope: true });
  }

  @Sse('piped')
  piped() {
    return this.bus
      .stream<string>('runs.1', { from: 'earliest' })
      .pipe(map((message) => (isEnded(message) ? message : { ...message, data: { text: message.data } })));
  }
}

/** Says what is in a room when the test lets it. */
@Injectable()
export class Rooms {
  readonly answers: ((data: unknown) => void)[] = [];

  @PushSnapshot('rooms.:id')
  room() {
    return new Promise((answer) => this.answers.push(answer));
  }
}

/** An application where everybody may read everything, and some topics are finite. */
export async function start(options: PushOptions = {}) {
  const app = await startApp('express', {
    imports: [PushModule.forRoot({ topics, ...options })],
    controllers: [Routes],
    providers: [Rooms],
  });
  const bus: EventBus = app.nest.get(EventBus);
  return { app, bus };
}

/** What came after the greeting: names, and what tells them apart. */
export const storyOf = (client: WsClient) =>
  client.messages
    .filter(({ event }) => !['hello', 'heartbeat', 'subscribed', 'live'].includes(event))
    .map(({ event, data }) => [event, data.topic, data.data ?? data.reason]);
