import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import {
  metrics,
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type MeterProvider,
  type Observable,
} from '@opentelemetry/api';
import { Readings } from '../../clients/readings.js';
import { PushHandlers } from '../../handlers/push-handlers.js';
import type { OperationListener } from '../../hub/counts.js';
import { EventLoopDelay } from '../event-loop-delay.js';
import type { InstrumentDefinition, Observed } from './instrument.js';
import { instruments, system } from './instruments.js';
import { lagOf } from '../lag.js';
import { observe } from '../observed.js';

/** Injects the options of `PushMetricsModule`. */
export const metricsOptions = Symbol('PushMetricsOptions');

interface Options {
  readonly meterProvider?: MeterProvider;
  readonly eventLoopDelay?: boolean;
}

/** What is observed already, by the provider of meters: a second module MUST NOT count it twice. */
const observed = new WeakMap<MeterProvider, WeakSet<Readings>>();

/** Upper bounds of the histogram of durations, in seconds: those that the semantic conventions advise. */
const durations = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Registers the instruments, and reads the node's numbers when they are collected. */
@Injectable()
export class PushMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  private stop: () => void = () => undefined;
  private readonly delay: EventLoopDelay | undefined;

  constructor(
    @Inject(metricsOptions) private readonly options: Options,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {
    if (options.eventLoopDelay ?? true) this.delay = new EventLoopDelay();
  }

  onApplicationBootstrap(): void {
    const provider = this.options.meterProvider ?? metrics.getMeterProvider();
    // PushModule need not be global.
    const node = this.modules.get(Readings, { strict: false });
    let nodes = observed.get(provider);
    if (!nodes) observed.set(provider, (nodes = new WeakSet()));
    if (nodes.has(node)) return;
    nodes.add(node);
    const stop = this.observe(provider.getMeter('nestjs-push'), node);
    this.stop = () => {
      stop();
      nodes.delete(node);
    };
  }

  onApplicationShutdown(): void {
    this.stop();
  }

  /** Registers all instruments. Returns what takes that back. */
  private observe(meter: Meter, node: Readings): () => void {
    const handlers = this.modules.get(PushHandlers, { strict: false });
    const known = instruments.map((definition) => [definition, create(meter, definition)] as const);
    const callback: BatchObservableCallback = async (result) => {
      const now = await this.read(node, handlers);
      for (const [definition, instrument] of known)
        for (const [value, attributes] of definition.read(now)) result.observe(instrument, value, attributes);
    };
    const all = known.map(([, instrument]) => instrument);
    meter.addBatchObservableCallback(callback, all);
    const { counts } = node.hub;
    counts.onOperation = timerOf(meter);
    return () => {
      meter.removeBatchObservableCallback(callback, all);
      counts.onOperation = undefined;
      this.delay?.stop();
    };
  }

  private async read(node: Readings, handlers: PushHandlers): Promise<Observed> {
    const lag = await lagOf(node.backplane, node.hub);
    const { counts, readings } = handlers;
    return { ...observe(node, this.delay?.read()), lag, handlers: counts, groups: readings };
  }
}

/** How many operations a second are timed. */
const timedPerSecond = 1_000;

/**
 * Durations cannot be read when they are collected: each operation is recorded, which costs about as much as to publish it. Of more
 * than {@link timedPerSecond} the others are not: they are counted all the same, by `messaging.client.sent.messages`.
 */
function timerOf(meter: Meter): OperationListener {
  const histogram = meter.createHistogram('messaging.client.operation.duration', {
    unit: 's',
    description:
      'How long storing an event in the backplane, or reading a page of its history, has taken: of 1,000 a second at most.',
    advice: { explicitBucketBoundaries: durations },
  });
  const attributesOf = (operation: string): Attributes => ({
    ...system,
    'messaging.operation.name': operation,
  });
  const ofSuccess = { publish: attributesOf('publish'), fetch: attributesOf('fetch') };
  let left = timedPerSecond;
  let until = 0;
  return (operation, milliseconds, code) => {
    const now = performance.now();
    if (now >= until) {
      until = now + 1_000;
      left = timedPerSecond;
    }
    if (left-- <= 0) return;
    const attributes =
      code === undefined ? ofSuccess[operation] : { ...attributesOf(operation), 'error.type': code };
    histogram.record(milliseconds / 1_000, attributes);
  };
}

function create(meter: Meter, { kind, name, unit, description }: InstrumentDefinition): Observable {
  const options = { unit, description };
  if (kind === 'counter') return meter.createObservableCounter(name, options);
  if (kind === 'gauge') return meter.createObservableGauge(name, options);
  return meter.createObservableUpDownCounter(name, options);
}
