import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterTest } from './cleanup.js';
import { onFreePort } from './free-port.js';

/** The official Prometheus exporter, on a port of its own, and what a scrape of it says. */
export class Scraped {
  /** Names of all metrics that any scrape of this process had. */
  static readonly names = new Set<string>();

  private constructor(
    readonly meterProvider: MeterProvider,
    private readonly port: number,
  ) {}

  static async start(): Promise<Scraped> {
    const { exporter, port } = await onFreePort(async (port) => {
      const exporter = new PrometheusExporter({ host: '127.0.0.1', port, preventServerStart: true });
      await exporter.startServer();
      return { exporter, port };
    });
    const provider = new MeterProvider({ readers: [exporter] });
    afterTest(() => provider.shutdown());
    return new Scraped(provider, port);
  }

  /** Asks as Prometheus does. */
  async scrape(): Promise<Scrape> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`);
    const scrape = new Scrape(await response.text());
    for (const { name } of scrape.samples) Scraped.names.add(name);
    return scrape;
  }
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One answer in the text format of Prometheus. */
export class Scrape {
  readonly samples: readonly Sample[];

  constructor(readonly text: string) {
    this.samples = [...text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? (\S+)(?: \d+)?$/gm)].map(
      ([, name, labels = '', value]) => ({
        name: name!,
        labels: Object.fromEntries(
          [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key!, text!]),
        ),
        value: Number(value),
      }),
    );
  }

  /** The sum of the samples of this name that have these labels; `undefined` if there is none. */
  of(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return found.length > 0 ? found.reduce((sum, { value }) => sum + value, 0) : undefined;
  }
}
