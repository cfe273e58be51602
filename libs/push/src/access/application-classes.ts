import { Inject, Injectable, type Type } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { getMetadataStorage } from 'class-validator';
import { PushError } from '../contracts/errors.js';
import { isStandardSchema } from '../contracts/payload-schema.js';
import type { DeclaredSchemas } from '../contracts/topic-schemas.js';
import { policyPatternOf, type PolicyPattern, type TopicPolicy } from './topic-policy.js';

/** One of the application's policies, with its pattern. */
export interface DeclaredPolicy extends PolicyPattern {
  readonly policy: TopicPolicy;
}

/** The classes that the application gives push: its policies, and its authenticator. */
@Injectable()
export class ApplicationClasses {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ModuleRef) private readonly own: ModuleRef,
  ) {}

  /**
   * The policies among the application's providers.
   *
   * @throws PushError `INVALID_OPTION` for a request-scoped policy, since subscriptions outlive requests; and for a policy whose
   * payload class has no decorators, since no data that clients publish would be valid
   */
  policies(): DeclaredPolicy[] {
    const policies = new Map<unknown, DeclaredPolicy>();
    for (const { providers } of this.modules.values()) {
      for (const wrapper of providers.values()) {
        const pattern = policyPatternOf(wrapper.metatype);
        if (!pattern) continue;
        if (!wrapper.isDependencyTreeStatic())
          throw new PushError(
            'INVALID_OPTION',
            `${wrapper.name} cannot be request-scoped: @PushTopic() policies live as long as the application.`,
          );
        const { payload, presence } = pattern;
        for (const schema of [payload, presence])
          if (schema && !isStandardSchema(schema)) assertDecorated(schema, wrapper.name as string);
        policies.set(wrapper.instance, { ...pattern, policy: wrapper.instance as TopicPolicy });
      }
    }
    return [...policies.values()];
  }

  /** @throws PushError `INVALID_OPTION` for a class without decorators that would have to validate what clients send */
  checkSchemas(declared: readonly DeclaredSchemas[]): void {
    for (const { pattern, event, publish = event, presence } of declared)
      for (const schema of [publish, presence])
        if (schema && !isStandardSchema(schema)) assertDecorated(schema, `schemas["${pattern}"]`);
  }

  /**
   * An instance of `type`: the application's provider, if a module lists it. Otherwise a new one, with what push's own module
   * can inject, or one of the modules that import it (all do, while it is global).
   *
   * @throws PushError `INVALID_OPTION` when none of them can
   */
  async instanceOf<T>(type: Type<T>): Promise<T> {
    const declared = this.providerOf(type);
    if (declared) return declared;
    let reason: unknown;
    for (const context of [this.own, ...this.importers()]) {
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
      { cause: reason },
    );
  }

  private providerOf<T>(type: Type<T>): T | undefined {
    try {
      return this.own.get<T>(type, { strict: false });
    } catch {
      return undefined;
    }
  }

  /** The modules that import push's own. */
  private importers(): ModuleRef[] {
    const all = [...this.modules.values()];
    const home = all.find(({ providers }) =>
      [...providers.values()].some(({ instance }) => (instance as unknown) === this),
    );
    return all
      .filter(({ imports }) => home !== undefined && imports.has(home))
      .map(({ providers }) => providers.get(ModuleRef)!.instance as ModuleRef);
  }
}

function assertDecorated(payload: Type<object>, policy: string): void {
  const found = getMetadataStorage().getTargetValidationMetadatas(payload, '', false, false);
  if (found.length > 0) return;
  throw new PushError(
    'INVALID_OPTION',
    `The class ${payload.name} of ${policy} has no class-validator decorators, so that no data would be valid. ` +
      'Decorate its properties (@IsString(), @Allow()), or leave the class out to take any JSON.',
  );
}
