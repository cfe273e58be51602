import { MetadataScanner, ModuleRef, type ModulesContainer } from '@nestjs/core';

/** A method of the application's that a decorator has marked. */
export interface DecoratedMethod<Metadata, Argument> {
  /** What the decorator has set. */
  readonly metadata: Metadata;
  /** Its class and its own name, for messages: `OrdersService.load`. */
  readonly name: string;
  /** Whether its object is made for each request, so that it cannot be called outside one. */
  readonly isPerRequest: boolean;
  /** Its object: of a class whose objects are made for each request, one that has not been made. */
  readonly instance: object;
  /** Its own name. */
  readonly method: string;
  /** What its class is provided as. */
  readonly token: unknown;
  /** The module that has its class. */
  readonly module: ModuleRef;
  call(argument: Argument): unknown;
}

/** The methods of all providers and controllers that have metadata under `key`. */
export function decoratedMethods<Metadata, Argument>(
  modules: ModulesContainer,
  key: string,
): DecoratedMethod<Metadata, Argument>[] {
  const scanner = new MetadataScanner();
  const found: DecoratedMethod<Metadata, Argument>[] = [];
  for (const { providers, controllers } of modules.values()) {
    const module = providers.get(ModuleRef)?.instance as ModuleRef;
    for (const wrapper of [...providers.values(), ...controllers.values()]) {
      const instance = wrapper.instance as unknown;
      if (wrapper.isNotMetatype || typeof instance !== 'object' || !instance) continue;
      const methods = instance as Record<string, (argument: Argument) => unknown>;
      const isPerRequest = !wrapper.isDependencyTreeStatic();
      for (const name of scanner.getAllMethodNames(Object.getPrototypeOf(instance) as object)) {
        const metadata = Reflect.getMetadata(key, methods[name]!) as Metadata | undefined;
        if (metadata === undefined) continue;
        const call = (argument: Argument) => methods[name]!(argument);
        const { token } = wrapper;
        const title = `${wrapper.name}.${name}`;
        found.push({ metadata, name: title, isPerRequest, instance, method: name, token, module, call });
      }
    }
  }
  return found;
}
