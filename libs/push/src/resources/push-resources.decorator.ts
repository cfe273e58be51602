import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { PushInterceptor } from './push.interceptor.js';
import type { ResourceDeclaration, ResourceRequest } from './resource.js';
import type { ResourceSwitches } from './resource.options.js';
import { checkDeclarations } from './resource-plan.js';
import { routeResourcesKey, type RouteResources } from './route-resources.js';

/**
 * On a route or a controller: sends the resources of a page before the client requests them. By HTTP/2 push if the client allows
 * it; else by a 103 Early Hint if that is safe; and always by the `Link` header of the response.
 *
 * A resource is any path that the application answers itself, as it would answer the client: guards, cookies, headers
 * and static files included. Arguments without a `path` switch one of the three off for this route.
 *
 * ```ts
 * @Get()
 * @PushResources('/style.css', { path: '/app.js', rel: 'modulepreload' }, (request) => `/api/users/${userOf(request)}`)
 * page() { … }
 * ```
 *
 * Without arguments it offers the module-wide `resources`. It has no effect on SSE routes and on methods other than GET
 * and HEAD. Needs `PushModule`.
 *
 * @throws PushError `INVALID_OPTION` at start, for a path or an attribute that cannot be put in a header
 */
export function PushResources<Request = ResourceRequest>(
  ...resources: readonly (ResourceDeclaration<Request> | ResourceSwitches)[]
): MethodDecorator & ClassDecorator {
  const route: RouteResources = {
    declarations: checkDeclarations(resources.filter(isDeclaration)),
    switches: Object.assign({}, ...resources.filter((item) => !isDeclaration(item))),
  };
  return applyDecorators(SetMetadata(routeResourcesKey, route), UseInterceptors(PushInterceptor));
}

function isDeclaration<Request>(
  item: ResourceDeclaration<Request> | ResourceSwitches,
): item is ResourceDeclaration<Request> {
  return typeof item !== 'object' || 'path' in item;
}
