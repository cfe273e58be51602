import { Controller, Inject, Param, Scope, Sse } from '@nestjs/common';
import { topic, EventBus, PushSse } from 'nestjs-push';

/** Made for each request. */
@Controller({ path: 'scoped', scope: Scope.REQUEST })
export class ScopedController {
  constructor(private readonly events: EventBus) {}

  @Sse(':id/events')
  watch(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`);
  }

  @PushSse(':id/declared', 'orders.:id')
  declared(): void {}
}

abstract class InheritedRoutes {
  constructor(@Inject(EventBus) private readonly events: EventBus) {}

  @Sse(':id/events')
  watch(@Param('id') id: string, ...more: unknown[]) {
    if (more.length > 0) throw new TypeError('handlers get what they ask for');
    return this.events.stream(topic`orders.${id}`);
  }
}

@Controller('inherited/one')
export class InheritedOne extends InheritedRoutes {}

@Controller('inherited/two')
export class InheritedTwo extends InheritedRoutes {}

@Controller('inherited/grandchild')
export class InheritedGrandchild extends InheritedOne {}
