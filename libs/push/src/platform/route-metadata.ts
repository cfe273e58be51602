import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA, RouteParamtypes, SSE_METADATA } from './nest-internals.js';

type Parameters = Record<string, { readonly index: number; readonly data?: unknown }>;

/** The index after the parameters of a handler that Nest knows. @param declaring the class that declares them */
export function parametersEnd(declaring: Type<object>, name: string): number {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, declaring, name) ?? {}) as Parameters;
  return Math.max(-1, ...Object.values(parameters).map((parameter) => parameter.index)) + 1;
}

/** The names by which a method takes parameters one by one: `@Param('id')`, `@Query('id')`. */
export function namedParameters(declaring: object, name: string): string[] {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, declaring, name) ?? {}) as Parameters;
  return Object.values(parameters).flatMap(({ data }) => (typeof data === 'string' ? [data] : []));
}

/** The names of parameters of the path that a method takes: `@Param('id')`. */
export function pathParameters(declaring: object, name: string): string[] {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, declaring, name) ?? {}) as Parameters;
  const ofPath = Object.entries(parameters).filter(([key]) => key.startsWith(`${RouteParamtypes.PARAM}:`));
  return ofPath.flatMap(([, { data }]) => (typeof data === 'string' ? [data] : []));
}

/** Makes a route one that answers once, although it has the metadata of an `@Sse()` route. */
export const answersOnce: MethodDecorator = (_target, _key, descriptor) => {
  Reflect.defineMetadata(SSE_METADATA, false, descriptor.value as object);
};
