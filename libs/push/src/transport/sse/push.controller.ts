import { Controller, Query, ValidationPipe, type Type } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayNotEmpty, IsArray, IsOptional, IsString, MaxLength } from 'class-validator';
import { TopicAccess } from '../../access/topic-access.js';
import { EventBus } from '../../bus/event-bus.js';
import type { EventStream } from '../../bus/event-stream.js';
import { maxTopicLength } from '../../contracts/topic.js';
import { PushSse } from './push-sse.decorator.js';

/** More topics in one URL than servers and proxies would let through. */
const maxTopicsPerRequest = 256;

/** The query of the built-in endpoint. PROTOCOL.md "SSE". */
export class EventsQuery {
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? [value] : value))
  @IsArray()
  @ArrayNotEmpty({ message: 'topic is missing: add ?topic=…, once for each topic' })
  @ArrayMaxSize(maxTopicsPerRequest)
  @IsString({ each: true })
  @MaxLength(maxTopicLength, { each: true })
  topic: string[] = [];

  /** Where a client begins that brings no last event id: `now` (default), `last`, `earliest`, or an id. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  from?: string;

  /** For clients that cannot set the `Last-Event-ID` header. Read with the header, before the query is. */
  @IsOptional()
  @IsString()
  lastEventId?: string;
}

/** The built-in endpoint as a controller class at `path`: `GET <path>/events?topic=…&topic=…`. */
export function pushControllerAt(path: string): Type {
  @Controller(path)
  class PushController {
    constructor(
      private readonly bus: EventBus,
      private readonly access: TopicAccess,
    ) {}

    @PushSse('events')
    events(@Query(new ValidationPipe({ transform: true })) { topic, from }: EventsQuery): EventStream {
      const stream = this.bus.stream(topic, { from, envelope: true });
      this.access.assertMaySubscribe(topic);
      return stream;
    }
  }
  return PushController;
}
