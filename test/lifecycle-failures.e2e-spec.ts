import { Controller, ForbiddenException, Sse } from '@nestjs/common';
import { EventBus, PushModule } from 'nestjs-push';
import { map, of, mergeMap, throwError } from 'rxjs';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp } from './support/start-app.js';

const open = { topics: [{ pattern: 'news.>', access: 'public' as const }] };
const events = '/push/events?topic=news.>';

@Controller()
class FailingController {
  constructor(private readonly bus: EventBus) {}

  @Sse('mapped')
  mapped() {
    return this.bus.stream('news.a').pipe(
      map((message) => {
        if (message.data === 'poison') throw new Error('details that nobody may see');
        return message;
      }),
    );
  }

  @Sse('retryable')
  retryable() {
    return this.bus
      .stream('news.a')
      .pipe(
        mergeMap((message) =>
          message.data === 'poison' ? throwError(() => new ForbiddenException('gone')) : of(message),
        ),
      );
  }
}

describe.each(platforms)('A stream that fails on %s', (platform) => {
  it('ends with push.error, is reported, harms no other, and is answered 204 when it comes back', async () => {
    const errors: string[] = [];
    const app = await startApp(platform, {
      imports: [
        PushModule.forRoot({
          ...open,
          onError: (error, { stage }) => errors.push(`${stage}: ${String(error)}`),
        }),
      ],
      controllers: [FailingController],
    });
    const healthy = await openStream(app.url(events));
    const stream = await openStream(app.url('/mapped'));
    await app.bus.publish('news.a', 'fine');
    await app.bus.publish('news.a', 'poison');
    await stream.untilEnd();
    expect(stream.data[0]).toBe('fine');
    const last = stream.events.at(-1)!;
    expect(last.type).toBe('push.error');
    expect(JSON.parse(last.data)).toEqual({
      code: 'INTERNAL',
      message: 'The server failed.',
      retryable: false,
    });
    expect(errors).toEqual(['stream: Error: details that nobody may see']);
    const back = await openSse(app.url('/mapped'), { headers: { 'last-event-id': last.id } });
    expect(back.status).toBe(204);
    await app.bus.publish('news.a', 'later');
    await healthy.untilEvents(3);
    expect(app.bus.stats().connections).toBe(1);
  });
});
