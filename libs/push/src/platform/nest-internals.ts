import type { Type } from '@nestjs/common';
import { MODULE_PATH } from '@nestjs/common/constants.js';
import {
  ApplicationConfig,
  ExternalContextCreator,
  type ModuleRef,
  type ModulesContainer,
} from '@nestjs/core';
import { SocketModule } from '@nestjs/websockets/socket-module.js';

/*
 * What push needs of Nest that Nest does not document: the names of its metadata, and where it keeps its configuration. The
 * stream that answers an `@Sse()` route is in nest-sse-stream.ts. No other file imports from inside Nest's packages
 * (dependency-cruiser checks it). The paths are those that Nest 11 and 12 have in common: `@nestjs/common/internal` is new in 12.
 */
export {
  EXCEPTION_FILTERS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
  ROUTE_ARGS_METADATA,
  SSE_METADATA,
} from '@nestjs/common/constants.js';
export { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

/** Whether Nest runs the application's global guards and interceptors for the messages of gateways too: Nest 12 does, 11 does not. */
export const runsGlobalsForMessages =
  (SocketModule.prototype as unknown as { getContextCreator(...args: unknown[]): unknown }).getContextCreator
    .length > 1;

interface WithContainer {
  readonly container: { readonly applicationConfig: ApplicationConfig };
}

/** Nest offers its configuration to no provider; every `ModuleRef` holds the container that has it. */
export function applicationConfigOf(module: ModuleRef): ApplicationConfig {
  return (module as unknown as WithContainer).container.applicationConfig;
}

/** The path that `RouterModule` gives a module; empty if there is none. */
export function modulePathOf(module: Type, { applicationId }: ModulesContainer): string {
  const path: unknown =
    Reflect.getMetadata(MODULE_PATH + applicationId, module) ?? Reflect.getMetadata(MODULE_PATH, module);
  return typeof path === 'string' ? path : '';
}

/**
 * Makes functions that run a method with its pipes, interceptors and filters. Those of the whole application are left out: most
 * are written for requests.
 */
export function ownEnhancersOf(module: ModuleRef): ExternalContextCreator {
  const { container } = module as unknown as WithContainer;
  const applicationConfig = { value: new ApplicationConfig() };
  const view: unknown = Object.create(container, { applicationConfig });
  return ExternalContextCreator.fromContainer(
    view as Parameters<typeof ExternalContextCreator.fromContainer>[0],
  );
}
