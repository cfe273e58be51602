import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { SSE_METADATA } from '../platform/nest-internals.js';
import type { Observable } from 'rxjs';
import { ResourcePusher } from './resource-pusher.js';

/**
 * Sends the resources of a page early: after its guards, and before its handler.
 * `@PushResources` applies it; by hand (`@UseInterceptors(PushInterceptor)`), or for every route
 * (`{ provide: APP_INTERCEPTOR, useExisting: PushInterceptor }`), it offers the module-wide `resources`. Applied
 * twice it runs once. It leaves SSE routes, gateways and microservice handlers alone.
 */
@Injectable()
export class PushInterceptor implements NestInterceptor {
  constructor(@Inject(ResourcePusher) private readonly pusher: ResourcePusher) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() === 'http' && !Reflect.hasMetadata(SSE_METADATA, context.getHandler()))
      this.pusher.offer(context);
    return next.handle();
  }
}
