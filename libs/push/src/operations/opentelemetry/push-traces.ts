import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { trace, type TracerProvider } from '@opentelemetry/api';
import { Readings } from '../../clients/readings.js';
import { PushTracer } from './push-tracer.js';

/** Injects the options of `PushTracesModule`. */
export const tracesOptions = Symbol('PushTracesOptions');

interface Options {
  readonly tracerProvider?: TracerProvider;
  readonly handlers?: 'sameTrace' | 'newTrace';
  readonly clients?: boolean;
}

/** Has a node make spans. */
@Injectable()
export class PushTraces implements OnModuleInit, OnApplicationShutdown {
  private stop: () => void = () => undefined;

  constructor(
    @Inject(tracesOptions) private readonly options: Options,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    const { tracerProvider = trace, handlers = 'sameTrace', clients = false } = this.options;
    // PushModule need not be global.
    const { hub } = this.modules.get(Readings, { strict: false });
    // A second module MUST NOT make a second span of each.
    if (hub.tracer) return;
    const spans = tracerProvider.getTracer('nestjs-push');
    hub.tracer = new PushTracer(spans, hub.counts, {
      isOneTrace: handlers === 'sameTrace',
      isShown: clients,
    });
    this.stop = () => {
      hub.tracer = undefined;
    };
  }

  onApplicationShutdown(): void {
    this.stop();
  }
}
