import { Controller, Sse } from '@nestjs/common';
import { EventBus, type EventStream } from 'nestjs-push';

@Controller('machine')
export class MachineController {
  constructor(private readonly events: EventBus) {}

  /** The figures of the last two minutes, then those of every second. */
  @Sse('figures')
  figures(): EventStream {
    return this.events.stream('machine.figures', { from: 'earliest' });
  }
}
