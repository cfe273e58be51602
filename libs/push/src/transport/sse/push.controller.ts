import {
  Body,
  Controller,
  HttpCode,
  Post,
  Query,
  Req,
  RequestMethod,
  Res,
  Sse,
  ValidationPipe,
  type Type,
} from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayNotEmpty, IsArray, IsOptional, IsString, MaxLength } from 'class-validator';
import { Gatekeeper } from '../../access/gatekeeper.js';
import { EventBus } from '../../bus/event-bus.js';
import type { EventStream } from '../../bus/event-stream.js';
import { maxTopicLength } from '../../contracts/topic.js';
import type { Session } from '../../access/session.js';
import { Reception } from '../lifecycle/reception.js';
import { refusing } from './http-refusal.js';
import { HarmlessBody, MessageStream, PublishBody, SubscribeBody } from './messages.dto.js';
import { PushSse } from './push-sse.decorator.js';
import { raw, whenClosed, type RawRequest, type RawResponse } from './raw-response.js';

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

/** What Express and Fastify responses have in common, and Node's has not by the same name. */
interface FrameworkResponse {
  getHeader(name: string): unknown;
}

interface FrameworkReply extends FrameworkResponse {
  status(code: number): { send(body: object): unknown };
}

const validation = new ValidationPipe({ transform: true, whitelist: true });

/**
 * The built-in endpoints as a controller class at `path`: `GET <path>/events?topic=…&topic=…` for `EventSource`, and the
 * messages of a WebSocket over plain HTTP, `POST <path>/events` and `POST <path>/publish`.
 */
export function pushControllerAt(path: string): Type {
  @Controller(path)
  class PushController {
    constructor(
      private readonly bus: EventBus,
      private readonly gatekeeper: Gatekeeper,
      private readonly reception: Reception,
    ) {}

    @PushSse('events')
    async events(
      @Query(new ValidationPipe({ transform: true })) { topic, from }: EventsQuery,
      @Req() request: RawRequest,
      @Res({ passthrough: true }) response: RawResponse,
    ): Promise<EventStream> {
      const stream = this.bus.stream(topic, { from, envelope: true, wildcards: true });
      const session = await this.open(request, response);
      await this.gatekeeper.subscribe(session, topic);
      return stream;
    }

    @Sse('events', { method: RequestMethod.POST })
    @HttpCode(200)
    async messages(
      @Body(HarmlessBody, validation) { subscribe }: SubscribeBody,
      @Req() request: RawRequest,
      @Res({ passthrough: true }) response: RawResponse,
    ): Promise<MessageStream> {
      await this.open(request, response);
      return new MessageStream(subscribe);
    }

    /** Answers by itself: interceptors of the application may wrap every answer, and this one has its form. */
    @Post('publish')
    async publish(
      @Body(HarmlessBody, validation) { connection = '', ...publication }: PublishBody,
      @Req() request: RawRequest,
      @Res() response: RawResponse & FrameworkReply,
    ): Promise<void> {
      const publish = async () => {
        this.reception.assertOpen();
        const session = await this.open(request, response);
        return this.gatekeeper.publish(session, publication, connection);
      };
      const id = await refusing(raw(response), this.reception, publish);
      response.status(200).send({ id });
    }

    private async open(request: RawRequest, response: RawResponse): Promise<Session> {
      const entrance = { transport: 'sse', corsOrigin: credentialedOrigin(response) } as const;
      const session = await this.gatekeeper.open(raw(request), entrance);
      whenClosed(raw(response), () => session.close());
      return session;
    }
  }
  return PushController;
}

/** The origin that `enableCors` has let in with credentials: its headers are on the response already. */
function credentialedOrigin(response: FrameworkResponse): string | undefined {
  if (String(response.getHeader('access-control-allow-credentials')) !== 'true') return undefined;
  const origin = response.getHeader('access-control-allow-origin');
  return typeof origin === 'string' ? origin : undefined;
}
