import {
  Injectable,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';

/**
 * Makes a guard, or an interceptor, that was written for HTTP let everything else pass: a global one of Nest 12 sees the
 * messages of gateways as well, and finds no request there.
 *
 * ```ts
 * { provide: APP_GUARD, useClass: HttpOnly(ThrottlerGuard) }
 * ```
 *
 * Push asks its own authenticator and topic policies in any case.
 */
export function HttpOnly<Enhancer extends CanActivate | NestInterceptor>(
  enhancer: Type<Enhancer>,
): Type<Enhancer> {
  class HttpOnlyEnhancer extends (enhancer as unknown as Type<CanActivate & NestInterceptor>) {
    override canActivate(context: ExecutionContext) {
      return context.getType<string>() === 'http' ? super.canActivate(context) : true;
    }

    override intercept(context: ExecutionContext, next: CallHandler) {
      return context.getType<string>() === 'http' ? super.intercept(context, next) : next.handle();
    }
  }
  Object.defineProperty(HttpOnlyEnhancer, 'name', { value: `HttpOnly(${enhancer.name})` });
  Injectable()(HttpOnlyEnhancer);
  return HttpOnlyEnhancer as unknown as Type<Enhancer>;
}
