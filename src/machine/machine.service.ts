import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { EventBus } from 'nestjs-push';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { delayResolution, measureFigures } from './figures.js';

/** Publishes the figures once a second, even without readers: a page that opens later shows the last two minutes. */
@Injectable()
export class MachineService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(MachineService.name);
  private readonly delays = monitorEventLoopDelay({ resolution: delayResolution });
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly events: EventBus) {}

  onApplicationBootstrap(): void {
    this.delays.enable();
    this.timer = setInterval(() => void this.publish(), 1_000);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.delays.disable();
  }

  private async publish(): Promise<void> {
    try {
      const { connections } = this.events.stats();
      await this.events.publish('machine.figures', measureFigures(this.delays, connections));
    } catch (error) {
      // The next figures follow in a second.
      this.logger.warn(`The figures could not be published: ${(error as Error).message}`);
    }
  }
}
