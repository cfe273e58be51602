import {
  Controller,
  HttpCode,
  NotFoundException,
  Post,
  Req,
  RequestMethod,
  Res,
  Sse,
  UseFilters,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session } from '../../access/session.js';
import { EventBus } from '../../bus/event-bus.js';
import type { EventStream } from '../../bus/event-stream.js';
import { BasePath, endpoints } from '../base-path.js';
import { readPublishBody, readSubscriptions } from '../client-messages.js';
import { Reception } from '../lifecycle/reception.js';
import { MessageLimits } from '../message-client.js';
import { readEventsQuery } from './events-query.js';
import { refusing } from './http-refusal.js';
import { MessageStream } from './message-stream.js';
import { PushRefusalFilter, answer, type Reply } from './push-refusal.filter.js';
import { PushSse } from './push-sse.decorator.js';
import { raw, whenClosed, type RawRequest, type RawResponse } from './raw-response.js';
import { readMessage, unveil } from './request-body.js';

/**
 * The built-in endpoints as a controller class at `path`: `GET <path>/events?topic=…&topic=…` for `EventSource`, and the
 * messages of a WebSocket over plain HTTP, `POST <path>/events` and `POST <path>/publish`.
 *
 * Nest hands over nothing but request and response: pipes, parsers and versions of the application change nothing here.
 */
export function pushControllerAt(path: string): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseFilters(PushRefusalFilter)
  class PushController {
    constructor(
      private readonly bus: EventBus,
      private readonly gatekeeper: Gatekeeper,
      private readonly reception: Reception,
      private readonly limits: MessageLimits,
      private readonly basePath: BasePath,
    ) {}

    @PushSse(endpoints.events)
    async events(
      @Req() request: RawRequest,
      @Res({ passthrough: true }) response: RawResponse,
    ): Promise<EventStream> {
      const url = this.urlOf(request, endpoints.events);
      const { topics, from } = readEventsQuery(url);
      const stream = this.bus.stream(topics, { from, envelope: true, wildcards: true });
      const session = await this.open(request, response);
      await this.gatekeeper.subscribe(session, topics);
      return stream;
    }

    @Sse(endpoints.events, { method: RequestMethod.POST })
    @HttpCode(200)
    async messages(
      @Req() request: RawRequest,
      @Res({ passthrough: true }) response: RawResponse,
    ): Promise<MessageStream> {
      this.urlOf(request, endpoints.events);
      await this.open(request, response);
      return new MessageStream(readSubscriptions(await this.messageOf(request)));
    }

    /** Answers by itself: interceptors of the application may wrap every answer, and this one has its form. */
    @Post(endpoints.publish)
    async publish(@Req() request: RawRequest, @Res() response: RawResponse & Reply): Promise<void> {
      const publish = async () => {
        this.urlOf(request, endpoints.publish);
        this.reception.assertOpen();
        const session = await this.open(request, response);
        const { connection = '', ...publication } = readPublishBody(await this.messageOf(request));
        return this.gatekeeper.publish(session, publication, connection);
      };
      const id = await refusing(raw(response), this.reception, publish);
      answer(response, 200, { id });
    }

    /** @throws NotFoundException where the framework is less exact about paths than the protocol */
    private urlOf(request: RawRequest, endpoint: string): string {
      const { method, url = '' } = raw(request);
      if (!this.basePath.serves(url, endpoint)) throw new NotFoundException(`Cannot ${method} ${url}`);
      return url;
    }

    private messageOf(request: RawRequest): Promise<object> {
      const { handshakeTimeout: timeout, jsonDepth: maxDepth } = this.gatekeeper.limits;
      return readMessage(request, { maxBytes: this.limits.maxMessageBytes, timeout, maxDepth });
    }

    private async open(request: RawRequest, response: RawResponse): Promise<Session> {
      unveil(raw(request));
      const entrance = { transport: 'sse', corsOrigin: credentialedOrigin(response) } as const;
      const session = await this.gatekeeper.open(raw(request), entrance);
      whenClosed(raw(response), () => session.close());
      return session;
    }
  }
  return PushController;
}

/** The origin that `enableCors` has let in with credentials: its headers are on the response already. */
function credentialedOrigin(response: { getHeader(name: string): unknown }): string | undefined {
  if (String(response.getHeader('access-control-allow-credentials')) !== 'true') return undefined;
  const origin = response.getHeader('access-control-allow-origin');
  return typeof origin === 'string' ? origin : undefined;
}
