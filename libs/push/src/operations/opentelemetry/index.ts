/* nestjs-push/opentelemetry: metrics and traces over `@opentelemetry/api`. docs/observability.md lists them. */
export { PushMetricsModule, type PushMetricsOptions } from './push-metrics.module.js';
export { PushTracesModule, type PushTracesOptions } from './push-traces.module.js';
