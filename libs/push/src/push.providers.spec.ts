import { SELF_DECLARED_DEPS_METADATA } from '@nestjs/common/constants.js';
import type { Type } from '@nestjs/common';
import { PushModule } from './push.module.js';
import { pushProviders, websocketProviders } from './push.providers.js';
import { pushControllerAt } from './transport/sse/push.controller.js';
import { pushGatewayAt } from './transport/websocket/push.gateway.js';

/** What `@Inject()` has noted of a constructor. */
type Injected = readonly { readonly index: number; readonly param: unknown }[];

function classesOf(): Type[] {
  const classes = [...pushProviders, ...websocketProviders].flatMap((provider) => {
    if (typeof provider === 'function') return provider;
    return 'useClass' in provider ? provider.useClass : [];
  });
  return [...classes, PushModule, pushControllerAt('/push'), pushGatewayAt('/push')] as Type[];
}

/** Of a class that has no constructor, the one that it inherits counts. */
function parametersOf(type: Type): number {
  for (let each: Type | null = type; each; each = Object.getPrototypeOf(each) as Type | null)
    if (each.length > 0) return each.length;
  return 0;
}

describe.each(classesOf().map((type) => [type.name, type] as const))('%s', (_, type) => {
  it('names what it injects, so that no compiler has to emit the types of its parameters', () => {
    const injected = (Reflect.getMetadata(SELF_DECLARED_DEPS_METADATA, type) ?? []) as Injected;
    const named = injected.filter(({ param }) => param !== undefined).map(({ index }) => index);
    expect(named.sort()).toEqual(Array.from({ length: parametersOf(type) }, (__, index) => index));
  });

  it('has at most five constructor parameters', () => {
    expect(parametersOf(type)).toBeLessThanOrEqual(5);
  });
});
