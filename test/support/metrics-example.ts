import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

const { METRICS_PORT = '9464' } = process.env;

export const exporter = new PrometheusExporter({ port: Number(METRICS_PORT) });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
