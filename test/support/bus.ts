import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventBus, PushModule, type PushOptions } from 'nestjs-push';
import { afterTest } from './cleanup.js';

/** A bus in an application without any HTTP. */
export async function busWith(options: PushOptions = {}): Promise<EventBus> {
  @Module({ imports: [PushModule.forRoot(options)] })
  class Root {}
  const context = await NestFactory.createApplicationContext(Root, { logger: false, abortOnError: false });
  afterTest(() => context.close());
  return context.get(EventBus);
}
