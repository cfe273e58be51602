import type { Type } from '@nestjs/common';
import { ModuleRef, type ModulesContainer } from '@nestjs/core';
import { getMetadataStorage } from 'class-validator';
import { PushError } from '../contracts/errors.js';
import { policyPatternOf, type PolicyPattern, type TopicPolicy } from './topic-policy.js';

/** One of the application's policies, and what it is for. */
export interface DeclaredPolicy extends PolicyPattern {
  readonly policy: TopicPolicy;
}

/**
 * The policies among the application's providers.
 *
 * @throws PushError `INVALID_OPTION` for one that is made anew for each request: there is no request to make it for; and for
 * one whose payload has no decorators, since nothing that clients publish would be valid
 */
export function declaredPolicies(modules: ModulesContainer): DeclaredPolicy[] {
  const policies = new Map<unknown, DeclaredPolicy>();
  for (const { providers } of modules.values()) {
    for (const wrapper of providers.values()) {
      const pattern = policyPatternOf(wrapper.metatype);
      if (!pattern) continue;
      if (!wrapper.isDependencyTreeStatic())
        throw new PushError(
          'INVALID_OPTION',
          `${wrapper.name} cannot be request-scoped: @PushTopic() policies live as long as the application.`,
        );
      if (pattern.payload) assertDecorated(pattern.payload, wrapper.name as string);
      policies.set(wrapper.instance, { ...pattern, policy: wrapper.instance as TopicPolicy });
    }
  }
  return [...policies.values()];
}

function assertDecorated(payload: Type<object>, policy: string): void {
  const found = getMetadataStorage().getTargetValidationMetadatas(payload, '', false, false);
  if (found.length > 0) return;
  throw new PushError(
    'INVALID_OPTION',
    `The payload ${payload.name} of ${policy} has no class-validator decorators, so that no data would be valid. ` +
      'Decorate its properties (@IsString(), @Allow()), or leave the payload out to take any JSON.',
  );
}

/**
 * An instance of `type`: the provider, if a module lists it; otherwise a new one, with what push's own module can inject, or
 * one of the modules that import it (all do, while it is global).
 *
 * @param owner a provider of push's own module
 * @throws PushError `INVALID_OPTION` when none of them can
 */
export async function instanceOf<T>(
  type: Type<T>,
  modules: ModulesContainer,
  own: ModuleRef,
  owner: object,
): Promise<T> {
  const declared = providerOf(type, own);
  if (declared) return declared;
  let reason: unknown;
  for (const context of [own, ...importersOf(owner, modules)]) {
    try {
      return await context.create(type);
    } catch (error) {
      if ((error as Error).constructor.name !== 'UnknownDependenciesException') throw error;
      reason = error;
    }
  }
  const hint = 'List it among the providers of the module that has what it injects.';
  throw new PushError(
    'INVALID_OPTION',
    `${type.name} cannot be made: something that it injects is out of reach. ${hint}`,
    {
      cause: reason,
    },
  );
}

function providerOf<T>(type: Type<T>, module: ModuleRef): T | undefined {
  try {
    return module.get<T>(type, { strict: false });
  } catch {
    return undefined;
  }
}

/** The modules that import the one that `owner` is a provider of. */
function importersOf(owner: object, modules: ModulesContainer): ModuleRef[] {
  const all = [...modules.values()];
  const home = all.find(({ providers }) =>
    [...providers.values()].some(({ instance }) => (instance as unknown) === owner),
  );
  return all
    .filter(({ imports }) => home !== undefined && imports.has(home))
    .map(({ providers }) => providers.get(ModuleRef)!.instance as ModuleRef);
}
