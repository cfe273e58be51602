import type { ExecutionContext } from '@nestjs/common';
import type { ResourceSettings, ResourceSwitches } from './resource.options.js';
import type { CheckedDeclaration } from './resource-plan.js';

/** What `@PushResources` leaves on a route or a controller. */
export interface RouteResources {
  readonly declarations: readonly CheckedDeclaration[];
  readonly switches: ResourceSwitches;
}

export const routeResourcesKey = Symbol('nestjs-push:resources');

/** What holds on the route that is being called: what is said of the method goes before the controller's and the module's. */
export function routeResourcesOf(context: ExecutionContext, settings: ResourceSettings) {
  const marks = [context.getHandler(), context.getClass()]
    .map((target): RouteResources | undefined => Reflect.getMetadata(routeResourcesKey, target))
    .filter((mark) => mark !== undefined);
  const { push, earlyHints, link } = settings;
  const switches: Required<ResourceSwitches> = Object.assign(
    { push, earlyHints, link },
    ...marks.map((mark) => mark.switches).reverse(),
  );
  return {
    declarations: [...marks.flatMap((mark) => mark.declarations), ...settings.resources],
    switches,
  };
}
