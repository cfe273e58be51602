import {
  Injectable,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { isPushEndpoint } from './push-endpoint.js';

/**
 * Makes a guard or interceptor that was written for HTTP skip all other contexts. In Nest 12 a global one also runs for the
 * messages of gateways, where it finds no HTTP request.
 *
 * ```ts
 * { provide: APP_GUARD, useClass: HttpOnly(ThrottlerGuard) }
 * ```
 *
 * Push calls its own authenticator and topic policies in any case.
 */
export function HttpOnly<Enhancer extends CanActivate | NestInterceptor>(
  enhancer: Type<Enhancer>,
): Type<Enhancer> {
  return passing(enhancer, 'HttpOnly', (context) => context.getType<string>() !== 'http');
}

/**
 * Makes a guard or interceptor skip push's own endpoints and gateway. Use it for a global guard that authenticates, for example
 * by a header: push's clients are authenticated by push's authenticator, also by cookies and tickets, which such a guard does
 * not know.
 *
 * ```ts
 * { provide: APP_GUARD, useClass: ExceptPush(JwtAuthGuard) }
 * ```
 *
 * The application's own routes, `@Sse()` routes among them, and its own gateways are guarded as before.
 */
export function ExceptPush<Enhancer extends CanActivate | NestInterceptor>(
  enhancer: Type<Enhancer>,
): Type<Enhancer> {
  return passing(enhancer, 'ExceptPush', (context) => isPushEndpoint(context.getClass()));
}

/** A class that does nothing in the contexts for which `isPassed` is true, and what `enhancer` does in all others. */
function passing<Enhancer extends CanActivate | NestInterceptor>(
  enhancer: Type<Enhancer>,
  name: 'HttpOnly' | 'ExceptPush',
  isPassed: (context: ExecutionContext) => boolean,
): Type<Enhancer> {
  class PassingEnhancer extends (enhancer as unknown as Type<CanActivate & NestInterceptor>) {
    override canActivate(context: ExecutionContext) {
      return isPassed(context) || super.canActivate(context);
    }

    override intercept(context: ExecutionContext, next: CallHandler) {
      return isPassed(context) ? next.handle() : super.intercept(context, next);
    }
  }
  Object.defineProperty(PassingEnhancer, 'name', { value: `${name}(${enhancer.name})` });
  Injectable()(PassingEnhancer);
  wrappers.set(PassingEnhancer, name);
  return PassingEnhancer as unknown as Type<Enhancer>;
}

const wrappers = new WeakMap<object, string>();

/** Whether the class of a guard or interceptor was made by `HttpOnly` or `ExceptPush`. */
export function isWrappedBy(name: 'HttpOnly' | 'ExceptPush', type: unknown): boolean {
  for (let each = type; typeof each === 'function'; each = Object.getPrototypeOf(each)) {
    if (wrappers.get(each) === name) return true;
  }
  return false;
}
