import { Module, ValidationPipe } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { PushModule } from 'nestjs-push';
import { PushAsyncApiModule } from 'nestjs-push/asyncapi';
import { redisBackplane } from 'nestjs-push/redis';
import { AnswersModule } from './answers/answers.module.js';
import { BoardModule } from './board/board.module.js';
import { Visitors } from './board/visitors.js';
import { DashboardModule } from './dashboard/dashboard.module.js';
import { DeskModule } from './desk/desk.module.js';
import { MachineModule } from './machine/machine.module.js';
import { PageModule } from './page/page.module.js';
import { PinsModule } from './pins/pins.module.js';
import { PublishingModule } from './publishing/publishing.module.js';

const day = 24 * 60 * 60 * 1_000;

/** `REDIS_URL` makes one desk of several processes. Without it the log is in the memory of the only one, and ends with it. */
const { REDIS_URL: url } = process.env;

@Module({
  imports: [
    PushModule.forRoot({
      authenticate: Visitors,
      ...(url && { backplane: redisBackplane({ url }) }),
      topics: [
        // Two minutes of figures, so that a new page can draw full charts at once.
        { pattern: 'machine.figures', access: 'public', retention: { events: 120 } },
        { pattern: 'board.>', access: 'public', retention: { events: 200, age: day } },
        // Who is at the desk: the pages that read this topic.
        { pattern: 'desk', access: 'public', presence: { grace: 2_000 } },
        // The notes on the wall: what is true now, as long as somebody has touched it within a day.
        { pattern: 'pins.*', access: 'public', state: true, ttl: day },
        // Long answers, and which of them the pages show.
        { pattern: 'answers.*', access: 'public', finite: true },
        { pattern: 'answer', access: 'public', state: true, ttl: day },
        // The desk has no secrets, so every client may read every topic. Without this rule no client may read any.
        { pattern: '>', access: 'public' },
      ],
      // The desk has few visitors, so they may reconnect at the same time.
      retry: 1_000,
    }),
    // What the topics are, for the authors of other clients: /push/asyncapi.json. The desk has no secrets.
    PushAsyncApiModule.forRoot({ title: 'The live desk', version: '1.0.0', guard: 'public' }),
    MachineModule,
    BoardModule,
    DeskModule,
    PinsModule,
    AnswersModule,
    PublishingModule,
    PageModule,
    DashboardModule,
  ],
  providers: [
    {
      provide: APP_PIPE,
      useValue: new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }),
    },
  ],
})
export class AppModule {}
