import {
  Injectable,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { isPushDoor } from './push-door.js';

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
  return passing(enhancer, 'HttpOnly', (context) => context.getType<string>() !== 'http');
}

/**
 * Makes a guard, or an interceptor, let pass what is push's own: requests for its endpoints, and messages to its gateway. It is
 * the way out for a global guard that authenticates, by a header say: push's clients are authenticated by its authenticator,
 * also by the cookies and tickets that such a guard knows nothing of.
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
  return passing(enhancer, 'ExceptPush', (context) => isPushDoor(context.getClass()));
}

/** A class that does nothing where `isPassed`, and elsewhere what `enhancer` does. */
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
