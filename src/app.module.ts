import { Module, ValidationPipe } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { PushModule } from 'nestjs-push';
import { BoardModule } from './board/board.module.js';
import { Visitors } from './board/visitors.js';
import { MachineModule } from './machine/machine.module.js';
import { PageModule } from './page/page.module.js';
import { PublishingModule } from './publishing/publishing.module.js';

const day = 24 * 60 * 60 * 1_000;

@Module({
  imports: [
    PushModule.forRoot({
      authenticate: Visitors,
      topics: [
        // Two minutes of figures: the charts of a page that opens now are full at once.
        { pattern: 'machine.figures', access: 'public', retention: { events: 120 } },
        { pattern: 'board.>', access: 'public', retention: { events: 200, age: day } },
        // A desk has no secrets: whoever reaches it may read every topic. Without such a rule, nobody may read any.
        { pattern: '>', access: 'public' },
      ],
      // A desk has few visitors: they need not spread out.
      retry: 1_000,
    }),
    MachineModule,
    BoardModule,
    PublishingModule,
    PageModule,
  ],
  providers: [
    {
      provide: APP_PIPE,
      useValue: new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }),
    },
  ],
})
export class AppModule {}
