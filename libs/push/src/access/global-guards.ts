import { Logger, type CanActivate, type OnApplicationBootstrap } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

/** How a guard's code shows that it knows of more than HTTP. */
const looksAround = /\b(?:getType|switchToWs)\b/;

/**
 * Says at start which of the application's global guards will fail on the messages of WebSocket clients, rather than have
 * every one of them answered with an error.
 */
export class GlobalGuards implements OnApplicationBootstrap {
  private readonly logger = new Logger('PushModule');

  constructor(private readonly config: ApplicationConfig) {}

  onApplicationBootstrap(): void {
    const requestScoped = this.config
      .getGlobalRequestGuards()
      .map(({ metatype }) => metatype as { prototype: CanActivate });
    const guards = [...this.config.getGlobalGuards(), ...requestScoped.map(({ prototype }) => prototype)];
    const names = guards
      .filter((guard) => !looksAround.test(sourceOf(guard)))
      .map((guard) => guard.constructor.name);
    if (names.length === 0) return;
    this.logger.warn(
      `${names.join(', ')}: a global guard also runs for the messages of push's WebSocket clients, and looks as if it` +
        ' expects an HTTP request. If it does, register HttpOnly(TheGuard) in its place, or return true unless' +
        " context.getType() is 'http'; without WebSocket it does not matter: PushModule.forRoot({ transports: ['sse'] }).",
    );
  }
}

/** The code of the guard and of the classes that it extends: any of them may look at the context. */
function sourceOf(guard: CanActivate): string {
  let source = '';
  for (let type: unknown = guard.constructor; type !== Function.prototype && typeof type === 'function';) {
    source += Function.prototype.toString.call(type);
    type = Object.getPrototypeOf(type);
  }
  return source;
}
