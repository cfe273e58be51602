import { Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import type { Observable } from 'rxjs';

/**
 * Makes a guard that was written for HTTP let everything else pass: a global guard of Nest 12 sees the messages of
 * gateways as well, and finds no request there.
 *
 * ```ts
 * { provide: APP_GUARD, useClass: HttpOnly(ThrottlerGuard) }
 * ```
 *
 * Push asks its own authenticator and topic policies in any case.
 */
export function HttpOnly<Guard extends CanActivate>(guard: Type<Guard>): Type<CanActivate> {
  class HttpOnlyGuard extends (guard as Type<CanActivate>) {
    override canActivate(context: ExecutionContext): boolean | Promise<boolean> | Observable<boolean> {
      return context.getType<string>() === 'http' ? super.canActivate(context) : true;
    }
  }
  Object.defineProperty(HttpOnlyGuard, 'name', { value: `HttpOnly(${guard.name})` });
  Injectable()(HttpOnlyGuard);
  return HttpOnlyGuard;
}
