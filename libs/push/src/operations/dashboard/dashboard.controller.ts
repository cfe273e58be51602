import {
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
  type CanActivate,
  type HttpServer,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { EventStream } from '../../bus/event-stream.js';
import { raw, type RawRequest, type RawResponse } from '../../platform/raw-response.js';
import { answer, PushRefusalFilter, type Reply } from '../../transport/sse/push-refusal.filter.js';
import { PushSse } from '../../transport/sse/push-sse.decorator.js';
import { DashboardNode } from './dashboard-node.js';
import { DashboardRequests } from './dashboard-requests.js';
import { protect, sendFile } from './page-answers.js';
import { Page } from './page.js';

/** By this, `@nestjs/swagger` leaves a controller out. It need not be installed. */
const excluded = 'swagger/apiExcludeController';

type Answer = RawResponse & Reply;

/** A guard: a class, or an object. */
export type Guard = Type<CanActivate> | CanActivate;

/** Whether Nest can use it as a guard. */
export function isGuard(guard: unknown): guard is Guard {
  return typeof guard === 'function' || typeof (guard as CanActivate | null)?.canActivate === 'function';
}

/** The routes of the dashboard as a controller class at `path`. The guard stands before all of them. */
export function dashboardControllerAt(path: string, guard: Guard | undefined): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseGuards(...(isGuard(guard) ? [guard] : []))
  @UseFilters(PushRefusalFilter)
  class PushDashboardController {
    private readonly page = new Page();

    constructor(
      @Inject(DashboardNode) private readonly node: DashboardNode,
      @Inject(DashboardRequests) private readonly requests: DashboardRequests,
      @Inject(HttpAdapterHost) { httpAdapter }: HttpAdapterHost,
    ) {
      routeFiles(PushDashboardController.prototype, httpAdapter);
    }

    @Get()
    index(@Req() request: RawRequest, @Res() response: Answer): void {
      const [url = ''] = (raw(request).url ?? '').split('?', 1);
      if (url.endsWith('/')) return sendFile(response, this.page.file('index.html')!, knownBy(request));
      // What the page names is beside it. The address is relative, since a proxy may have changed the path.
      protect(response);
      response
        .status(302)
        .header('Location', `${url.slice(url.lastIndexOf('/') + 1)}/`)
        .send('');
    }

    @PushSse('events')
    events(@Req() request: RawRequest, @Res({ passthrough: true }) response: RawResponse): EventStream {
      protect(response);
      return this.node.stream(this.requests.viewOf(request), raw(response));
    }

    @Post('look')
    async look(@Req() request: RawRequest, @Res() response: Answer): Promise<void> {
      protect(response);
      const { view, look } = await this.requests.lookOf(request);
      await this.node.look(view, look);
      response.status(204).send('');
    }

    @Post('publish')
    async publish(@Req() request: RawRequest, @Res() response: Answer): Promise<void> {
      protect(response);
      const id = await this.node.publish(await this.requests.testEventOf(request));
      answer(response, 200, { id });
    }

    /** Its route depends on the framework: see `routeFiles`. */
    file(@Param() params: Record<string, string>, @Req() request: RawRequest, @Res() response: Answer): void {
      const name = params['*'] ?? params['file']!;
      if (name === '') return this.index(request, response);
      const file = this.page.file(name);
      if (!file) throw new NotFoundException('The dashboard has no such file.');
      sendFile(response, file, knownBy(request));
    }
  }
  Reflect.defineMetadata(excluded, [true], PushDashboardController);
  return PushDashboardController;
}

/**
 * Routes to `file`. To Fastify, the path with a slash at its end is another one, which only a wildcard matches; Express would warn
 * of that. Nest reads the routes after it has made the controllers. In an application without a server there are none.
 */
function routeFiles(controller: object, adapter: HttpServer | undefined): void {
  const path = adapter?.getType() === 'fastify' ? '*' : ':file';
  Get(path)(controller, 'file', Object.getOwnPropertyDescriptor(controller, 'file')!);
}

function knownBy(request: RawRequest): string | undefined {
  return raw(request).headers['if-none-match'];
}
