import {
  Body,
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  HttpException,
  Injectable,
  NotFoundException,
  Param,
  ParseIntPipe,
  Query,
  RequestMethod,
  ServiceUnavailableException,
  Sse,
  SseSignal,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type MessageEvent,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { topic, EventBus, PushSse } from 'nestjs-push';
import { from, interval, map, mergeMap, of, take, type Observable } from 'rxjs';

/** Lets in whoever sends `x-user`. */
@Injectable()
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    return headers['x-user'] !== undefined;
  }
}

class OutOfTea extends Error {}

@Catch(OutOfTea)
class TeapotFilter implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(_: OutOfTea, context: ArgumentsHost): void {
    this.host.httpAdapter.reply(context.switchToHttp().getResponse(), { short: true }, 418);
  }
}

/** Sees each message, and signs it. */
class SigningInterceptor implements NestInterceptor<MessageEvent, MessageEvent> {
  intercept(_: ExecutionContext, next: CallHandler<MessageEvent>): Observable<MessageEvent> {
    return next.handle().pipe(map((message) => ({ ...message, data: { signed: message.data } })));
  }
}

/** Every way in which an application may write an event stream's route. */
@Controller('orders')
export class OrdersController {
  constructor(private readonly events: EventBus) {}

  @Sse(':id/events')
  watch(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`);
  }

  /** The signals of its clients, whom it is told of. */
  readonly signals: AbortSignal[] = [];

  @Sse(':id/watched')
  watched(@Param('id') id: string, @SseSignal() signal: AbortSignal) {
    this.signals.push(signal);
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse(':id/last')
  last(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`, { from: 'last' });
  }

  @Sse('all/envelope')
  all() {
    return this.events.stream(['orders.*', 'notes'], { envelope: true, wildcards: true });
  }

  @Sse(':id/piped')
  piped(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(map((message) => ({ ...message, retry: undefined })));
  }

  @Sse(':id/bare')
  bare(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(map(({ data }) => ({ data: { only: data } })));
  }

  @Sse(':id/slow-pipe')
  slowPipe(@Param('id') id: string) {
    return this.events
      .stream(topic`orders.${id}`)
      .pipe(mergeMap((message) => from(Promise.resolve({ data: { later: message.data } }))));
  }

  @Sse(':id/two')
  two(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(take(2));
  }

  @Sse(':id/failing')
  failing(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(
      map((message) => {
        if (message.data === 'no JSON') return { ...message, data: { count: 1n } };
        if (message.data === 'bad') throw new Error('a secret');
        if (message.data === 'busy') throw new ServiceUnavailableException('later');
        return message;
      }),
    );
  }

  @Sse('plain/nest')
  plain(): Observable<MessageEvent> {
    return interval(40).pipe(
      take(2),
      map((n) => ({ data: { n } })),
    );
  }

  @Sse(':id/async')
  async watchLater(@Param('id', ParseIntPipe) id: number) {
    await new Promise((resolve) => setImmediate(resolve));
    if (id === 404) throw new NotFoundException('no such order');
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse('throwing/now')
  throwing(): Observable<MessageEvent> {
    throw new NotFoundException('no such order');
  }

  @Sse('throwing/bug')
  bug(): Observable<MessageEvent> {
    throw new TypeError('a secret');
  }

  @Sse(':id/untagged')
  untagged(@Param('id') id: string) {
    return this.events.stream(`orders.${id}`);
  }

  @Sse('topic/from-query')
  chosen(@Query('topic') name: string) {
    return this.events.stream(name);
  }

  @Sse(':id/guarded')
  @UseGuards(UserGuard)
  guarded(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse('tea/filtered')
  @UseFilters(TeapotFilter)
  filtered(): Observable<MessageEvent> {
    throw new OutOfTea();
  }

  @Sse(':id/intercepted')
  @UseInterceptors(SigningInterceptor)
  intercepted(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse('search', { method: RequestMethod.POST })
  search(@Body() { ids }: { ids: string[] }) {
    return this.events.stream(ids.map((id) => topic`orders.${id}`));
  }

  @Sse('plain/post', { method: RequestMethod.POST })
  plainPost(): Observable<MessageEvent> {
    return of({ data: 'one' });
  }

  @Sse(':id/accepted')
  @HttpCode(202)
  @Header('X-Order', 'watched')
  accepted(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`);
  }

  @Sse(':id/nothing')
  @HttpCode(204)
  nothing(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`);
  }

  @Get('page')
  page(): string {
    return 'a page';
  }
}

/** The declarative form. */
@Controller('declared')
export class DeclaredController {
  constructor(private readonly events: EventBus) {}

  @PushSse(':id/events', 'orders.:id')
  watch(): void {}

  @PushSse(':shop/:id/deep', 'shops.:shop.orders.:id.>')
  deep(): void {}

  @PushSse('fixed', 'notes', { envelope: true, from: 'last' })
  fixed(): void {}

  @PushSse(':id/refusing', 'orders.:id')
  async refusing(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await Promise.resolve();
    if (id === 13) throw new ForbiddenException('not yours');
    if (id === 14) throw new HttpException('gone', 410);
  }

  @PushSse(':id/guarded', 'orders.:id')
  @UseGuards(UserGuard)
  guarded(): void {}

  @PushSse(':id/narrow', 'orders.>')
  async narrow(@Param('id') id: string): Promise<string[] | string | null | undefined> {
    await Promise.resolve();
    if (id === 'all') return undefined;
    if (id === 'null') return null;
    return id === 'two' ? ['orders.1', 'orders.2'] : topic`orders.${id}`;
  }

  @PushSse(':id/chosen', 'orders.:id')
  anything(@Query('topic') name: string): string {
    return name;
  }

  @PushSse(':namespace/news', ':namespace.news')
  namespace(): void {}

  @PushSse(':id/stream')
  stream(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`, { envelope: true });
  }

  @PushSse(':id/piped', 'orders.:id')
  piped(@Param('id') id: string) {
    return this.events.stream(topic`orders.${id}`).pipe(take(1));
  }

  @PushSse('topicless')
  topicless(): void {}

  @PushSse('misspelt/:id', 'orders.:orderId')
  misspelt(): void {}

  @PushSse(':id/intercepted', 'orders.:id')
  @UseInterceptors(SigningInterceptor)
  intercepted(): void {}
}
