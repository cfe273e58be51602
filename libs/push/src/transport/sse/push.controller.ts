import {
  Controller,
  Get,
  HttpCode,
  Inject,
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
import { declarePushEndpoint } from '../../access/push-endpoint.js';
import { EventBus } from '../../bus/event-bus.js';
import type { EventStream } from '../../bus/event-stream.js';
import { endpoints } from '../../platform/base-path.js';
import { readPresenceBody, readPublishBody, readSubscriptions } from '../../clients/client-messages.js';
import { readEventsQuery } from './events-query.js';
import { forbidCaching } from './http-refusal.js';
import { HttpRequests } from './http-requests.js';
import { MessageStream } from './message-stream.js';
import { describeEndpoints } from './openapi.js';
import { PushRefusalFilter, answer, answerJson, type Reply } from './push-refusal.filter.js';
import { PushSse } from './push-sse.decorator.js';
import { PresenceMessages } from '../../state/presence-messages.js';
import { raw, type RawRequest, type RawResponse } from '../../platform/raw-response.js';

/**
 * The built-in endpoints as a controller class at `path`: `GET <path>/events?topic=…&topic=…` for `EventSource`, and the
 * messages of a WebSocket over plain HTTP, `POST <path>/events` `POST <path>/publish` and `POST <path>/presence`; and `GET <path>/history`.
 *
 * Nest passes only request and response, so the application's pipes, parsers and versions do not affect these endpoints.
 *
 * @param decorators decorators of the application, which are applied to each endpoint
 */
export function pushControllerAt(path: string, decorators: readonly MethodDecorator[] = []): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseFilters(PushRefusalFilter)
  class PushController {
    constructor(
      @Inject(EventBus) private readonly bus: EventBus,
      @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
      @Inject(HttpRequests) private readonly requests: HttpRequests,
      @Inject(PresenceMessages) private readonly presence: PresenceMessages,
    ) {}

    @PushSse(endpoints.events)
    async events(
      @Req() request: RawRequest,
      @Res({ passthrough: true }) response: RawResponse,
    ): Promise<EventStream> {
      const { topics, from } = readEventsQuery(this.requests.urlOf(request, endpoints.events));
      const stream = this.bus.stream(topics, { from, envelope: true, wildcards: true, presence: true });
      await this.requests.admit(request, response, (session) => this.gatekeeper.subscribe(session, topics));
      return stream;
    }

    @Sse(endpoints.events, { method: RequestMethod.POST })
    @HttpCode(200)
    async messages(
      @Req() request: RawRequest,
      @Res({ passthrough: true }) response: RawResponse,
    ): Promise<MessageStream> {
      this.requests.urlOf(request, endpoints.events);
      const read = async () => new MessageStream(readSubscriptions(await this.requests.messageOf(request)));
      return this.requests.admit(request, response, read);
    }

    /** Writes the response itself, since interceptors of the application may wrap results, and the protocol fixes this one. */
    @Post(endpoints.publish)
    async publish(@Req() request: RawRequest, @Res() response: RawResponse & Reply): Promise<void> {
      const { publish: endpoint } = endpoints;
      const id = await this.requests.handle({ request, response, endpoint }, (session, message) => {
        const { connection, ...publication } = readPublishBody(message);
        return this.gatekeeper.publish(session, publication, connection);
      });
      answer(response, 200, { id });
    }

    /** Answers by itself, as `publish` does. */
    @Post(endpoints.presence)
    async present(@Req() request: RawRequest, @Res() response: RawResponse & Reply): Promise<void> {
      await this.requests.handle({ request, response, endpoint: endpoints.presence }, (session, message) =>
        this.presence.handle(session, readPresenceBody(message)),
      );
      answer(response, 200, {});
    }

    /** Answers by itself, as `publish` does. */
    @Get(endpoints.history)
    async history(@Req() request: RawRequest, @Res() response: RawResponse & Reply): Promise<void> {
      const write = (json: Buffer) => {
        forbidCaching(raw(response));
        answerJson(response, 200, json);
      };
      await this.requests.respond(response, () => this.requests.history(request, response, write));
    }
  }
  prepare(PushController, decorators);
  return PushController;
}

function prepare(controller: Type, decorators: readonly MethodDecorator[]): void {
  const prototype = controller.prototype as object;
  declarePushEndpoint(controller);
  describeEndpoints(prototype);
  for (const name of ['events', 'messages', 'publish', 'present', 'history'] as const) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name)!;
    for (const decorate of decorators) decorate(prototype, name, descriptor);
  }
}
