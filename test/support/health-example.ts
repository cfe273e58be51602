import { Controller, Get, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { PushHealthIndicator } from 'nestjs-push/terminus';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly push: PushHealthIndicator,
  ) {}

  @Get('live') // the process answers: nothing that a restart would not mend
  @HealthCheck()
  live() {
    return this.health.check([]);
  }

  @Get('ready') // new clients may come: the log was reached once, and the node does not drain
  @HealthCheck()
  ready() {
    return this.health.check([() => this.push.isReady()]);
  }

  @Get('delivery') // for alarms: an event was stored and came back
  @HealthCheck()
  delivery() {
    return this.health.check([() => this.push.isDelivering()]);
  }
}

@Module({
  imports: [TerminusModule],
  controllers: [HealthController],
  providers: [PushHealthIndicator],
})
export class HealthModule {}
