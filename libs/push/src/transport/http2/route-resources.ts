import type { ExecutionContext } from '@nestjs/common';
import type { ResourceSettings, ResourceSwitches } from './resource.options.js';
import type { CheckedDeclaration } from './resource-plan.js';

/** What `@PushResources` leaves on a route or a controller. */
export interface RouteResources {
  readonly declarations: readonly CheckedDeclaration[];
  readonly switches: ResourceSwitches;
}

export const routeResourcesKey = Symbol('nestjs-push:resources');

/** What holds on the route that is being called: switches of the method before the controller's before the module's. */
export function routeResourcesOf(context: ExecutionContext, settings: ResourceSettings) {
  const marks = [context.getClass(), context.getHandler()]
    .map((target): RouteResources | undefined => Reflect.getMetadata(routeResourcesKey, target))
    .filter((mark) => mark !== undefined);
  const { push, earlyHints, link } = settings;
  const switches: Required<ResourceSwitches> = Object.assign(
    { push, earlyHints, link },
    ...marks.map((mark) => mark.switches),
  );
  return {
    declarations: [...settings.resources, ...marks.flatMap((mark) => mark.declarations)],
    switches,
  };
}
