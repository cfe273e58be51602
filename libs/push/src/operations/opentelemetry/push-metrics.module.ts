import { Module, type DynamicModule } from '@nestjs/common';
import type { MeterProvider } from '@opentelemetry/api';
import { metricsOptions, PushMetrics } from './push-metrics.js';

/** Options of {@link PushMetricsModule}. */
export interface PushMetricsOptions {
  /** Where the instruments are registered. Default: the global one, as it is when the application starts. */
  readonly meterProvider?: MeterProvider;
  /**
   * Whether the delay of the event loop is reported (`nodejs.eventloop.delay.*`). Switch it off where another package reports it,
   * such as `@opentelemetry/instrumentation-runtime-node`. Default: `true`.
   */
  readonly eventLoopDelay?: boolean;
}

/**
 * Reports what this node does as metrics: `imports: [PushModule.forRoot(), PushMetricsModule.forRoot()]`. The OpenTelemetry SDK
 * has to be there first. Without an SDK nothing is collected.
 */
@Module({})
export class PushMetricsModule {
  static forRoot(options: PushMetricsOptions = {}): DynamicModule {
    return {
      module: PushMetricsModule,
      providers: [{ provide: metricsOptions, useValue: options }, PushMetrics],
    };
  }
}
