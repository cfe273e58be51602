import { Injectable, Module } from '@nestjs/common';
import { IsString, Length } from 'class-validator';
import {
  PushModule,
  PushSnapshot,
  PushTopic,
  type PushModuleExtras,
  type TopicOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { PushAsyncApiModule, type PushAsyncApiModuleOptions } from 'nestjs-push/asyncapi';
import { z } from 'zod';
import { NameAuthenticator, Users } from './roles.js';

class StatusDto {
  @IsString()
  @Length(1, 20)
  status!: string;
}

/** A policy whose payload is a class, and what clients say of themselves a Standard Schema. */
@PushTopic('orders.:id', { payload: StatusDto, presence: z.strictObject({ name: z.string().max(20) }) })
export class OrdersPolicy implements TopicPolicy<StatusDto> {
  canSubscribe = () => true;
  canPublish = () => true;
}

@Injectable()
class Orders {
  @PushSnapshot('orders.:id')
  load() {
    return { status: 'new' };
  }
}

@Module({ providers: [Users], exports: [Users] })
export class UsersModule {}

export const topics: TopicOptions[] = [
  { pattern: 'orders.*', presence: true },
  {
    pattern: 'prices.*',
    access: 'public',
    state: true,
    documentation: { payload: z.object({ cents: z.int() }) },
  },
  { pattern: 'exports.*', access: 'authenticated', finite: true },
  { pattern: 'internal.>' },
];

export const titled: PushAsyncApiModuleOptions = { title: 'Orders', version: '1.0.0', guard: 'public' };

/** An application with this document. */
export function shop(options: PushAsyncApiModuleOptions = titled, extras: PushModuleExtras = {}) {
  const push = PushModule.forRoot({ topics, authenticate: NameAuthenticator, ...extras });
  return {
    imports: [UsersModule, push, PushAsyncApiModule.forRoot(options)],
    providers: [OrdersPolicy, Orders],
  };
}

/** What a URL answers. */
export async function fetched(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}
