import {
  Inject,
  Injectable,
  Logger,
  type CanActivate,
  type NestInterceptor,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { pushPlacement, type PushPlacement } from '../contracts/settings.js';
import { isWrappedBy } from './http-only.js';

type Enhancer = CanActivate | NestInterceptor;

/** The code shows that it knows of more than HTTP. */
const looksAround = /\b(?:getType|switchToWs)\b/;

/** The code shows that it wants a request of HTTP. A guard has nothing else to look at, an interceptor may. */
const wantsRequest = /\b(?:switchToHttp|getRequest|getResponse)\b/;

/** The code shows that it wants credentials. */
const wantsCredentials = /authorization|bearer|jwt|passport|unauthorized/i;

/**
 * Says at start which of the application's global guards and interceptors will fail on push's clients, rather than have every
 * one of them answered with an error.
 */
@Injectable()
export class GlobalEnhancers implements OnApplicationBootstrap {
  private readonly logger = new Logger('PushModule');

  constructor(
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(pushPlacement) private readonly placement: PushPlacement,
  ) {}

  onApplicationBootstrap(): void {
    const { config, placement } = this;
    const guards = [...config.getGlobalGuards(), ...config.getGlobalRequestGuards().map(prototypeOf)];
    const interceptors = [
      ...config.getGlobalInterceptors(),
      ...config.getGlobalRequestInterceptors().map(prototypeOf),
    ].filter((interceptor) => wantsRequest.test(sourceOf(interceptor)));
    if (placement.endpoints && !placement.areDecorated) this.warnOfAuthentication(guards);
    if (!placement.gateway || !placement.runsGlobalsForMessages) return;
    this.warnOf('guard', guards);
    this.warnOf('interceptor', interceptors);
  }

  private warnOf(kind: string, enhancers: readonly Enhancer[]): void {
    const names = enhancers
      .filter(({ constructor: type }) => !isWrappedBy('HttpOnly', type) && !isWrappedBy('ExceptPush', type))
      .filter((enhancer) => !looksAround.test(sourceOf(enhancer)))
      .map(nameOf);
    if (names.length === 0) return;
    this.logger.warn(
      `${names.join(', ')}: a global ${kind} also runs for the messages of push's WebSocket clients, and looks as if it` +
        ` expects an HTTP request. If it does, register HttpOnly(${names[0]}) in its place, or have it do nothing unless` +
        " context.getType() is 'http'; without WebSocket it does not matter: PushModule.forRoot({ transports: ['sse'] }).",
    );
  }

  private warnOfAuthentication(guards: readonly Enhancer[]): void {
    const names = guards
      .filter(({ constructor: type }) => !isWrappedBy('ExceptPush', type))
      .filter((guard) => wantsCredentials.test(nameOf(guard) + sourceOf(guard)))
      .map(nameOf);
    if (names.length === 0) return;
    this.logger.warn(
      `${names.join(', ')}: a global guard also runs for push's HTTP endpoints, and looks as if it authenticates. Push` +
        ' asks its own authenticator, which may know clients by a cookie or a ticket that this guard does not look at.' +
        ` If it refuses them, register ExceptPush(${names[0]}) in its place, or give push's endpoints the decorator by` +
        ' which it knows public routes: PushModule.forRoot({ decorators: [Public()] }).',
    );
  }
}

function nameOf(enhancer: Enhancer): string {
  return enhancer.constructor.name;
}

/** Of what is made for each request, there is no instance yet. */
function prototypeOf({ metatype }: { metatype: unknown }): Enhancer {
  return (metatype as { prototype: Enhancer }).prototype;
}

/** The code of the class and of those that it extends: any of them may look at the context. */
function sourceOf(enhancer: Enhancer): string {
  if ((enhancer as { constructor: unknown }).constructor === Object) return Object.values(enhancer).join();
  let source = '';
  for (let type: unknown = enhancer.constructor; type !== Function.prototype && typeof type === 'function';) {
    source += Function.prototype.toString.call(type);
    type = Object.getPrototypeOf(type);
  }
  return source;
}
