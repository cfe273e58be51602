import { Controller, Module, Param, Sse, type MessageEvent } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { nestApplication } from '../server/nest.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';

/* Nest as its documentation has it: an `@Sse()` route that returns a Subject. */

const subjects: Subject<MessageEvent>[] = [];

@Controller()
class EventsController {
  @Sse('events/:topic')
  watch(@Param('topic') topic: string): Observable<MessageEvent> {
    return subjects[Number(topic)]!.asObservable();
  }
}

@Module({ controllers: [EventsController] })
class AppModule {}

export async function start({ platform, topics }: ServerOptions): Promise<BenchServer> {
  for (let topic = 0; topic < topics; topic++) subjects.push(new Subject());
  const app = await nestApplication(AppModule, platform);
  return {
    http: app.getHttpServer(),
    publish: (event, topic) => subjects[topic]!.next({ data: event }),
  };
}
