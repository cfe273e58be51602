import type { DynamicModule } from '@nestjs/common';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { PushMetricsModule, PushTracesModule } from 'nestjs-push/opentelemetry';
import type { ServerOptions } from './contract.js';

/** Takes everything, and sends it nowhere: what an exporter costs depends on the exporter. */
const nowhere = {
  export: (_: unknown, done: (result: { code: 0 }) => void) => done({ code: 0 }),
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

/** Metrics that are collected each second, and spans, with the official SDK. */
export function observing(tracing: ServerOptions['tracing']): DynamicModule[] {
  if (tracing === undefined) return [];
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (tracing === 'context') return [];
  const exporter = { ...nowhere, selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE };
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: 1_000,
    exportTimeoutMillis: 500,
  });
  const tracerProvider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(tracing === 'all' ? 1 : 0.01) }),
    spanProcessors: [new BatchSpanProcessor(nowhere)],
  });
  return [
    PushMetricsModule.forRoot({ meterProvider: new MeterProvider({ readers: [reader] }) }),
    PushTracesModule.forRoot({ tracerProvider }),
  ];
}
