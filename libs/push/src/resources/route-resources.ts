import type { ExecutionContext } from '@nestjs/common';
import type { ResourceSettings, ResourceSwitches } from './resource.options.js';
import type { CheckedDeclaration } from './resource-plan.js';

/** The metadata that `@PushResources` sets on a route or a controller. */
export interface RouteResources {
  readonly declarations: readonly CheckedDeclaration[];
  readonly switches: ResourceSwitches;
}

export const routeResourcesKey = Symbol('nestjs-push:resources');

/** The resources and switches of the current route. Those of the method precede those of the controller and of the module. */
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
