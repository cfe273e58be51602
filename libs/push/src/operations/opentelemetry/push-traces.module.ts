import { Module, type DynamicModule } from '@nestjs/common';
import type { TracerProvider } from '@opentelemetry/api';
import { PushTraces, tracesOptions } from './push-traces.js';

/** Options of {@link PushTracesModule}. */
export interface PushTracesOptions {
  /** Where the tracer comes from. Default: the global one. */
  readonly tracerProvider?: TracerProvider;
  /**
   * Which trace the span of a handler (`EventBus.on()`) is part of: `sameTrace` is that of the publication, as a child of its
   * span; `newTrace` begins one for each event and handler. Either way it has a link to the span of the publication. Default:
   * `sameTrace`.
   */
  readonly handlers?: 'sameTrace' | 'newTrace';
  /** Whether clients get the `traceparent` of the events that this node publishes: see PROTOCOL.md. Default: `false`. */
  readonly clients?: boolean;
}

/**
 * Makes spans of what is published and handled: `imports: [PushModule.forRoot(), PushTracesModule.forRoot()]`. The OpenTelemetry
 * SDK has to be there first. Without an SDK nothing is made. If the module is imported twice, the first one holds.
 */
@Module({})
export class PushTracesModule {
  static forRoot(options: PushTracesOptions = {}): DynamicModule {
    return {
      module: PushTracesModule,
      providers: [{ provide: tracesOptions, useValue: options }, PushTraces],
    };
  }
}
