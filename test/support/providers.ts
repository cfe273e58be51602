import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

type Provider = Record<string, ((...args: unknown[]) => unknown) | undefined>;

/** Providers of push that no application can inject, by the names of their classes: to count what is asked of them. */
export function providersOf<Name extends string>(
  nest: INestApplication,
  names: readonly Name[],
): Record<Name, Provider> {
  const modules = [...nest.get(ModulesContainer, { strict: false }).values()];
  const push = modules.find(({ metatype }) => metatype.name === 'PushModule')!;
  const known = [...push.providers.values()].map(({ token, instance }) => [
    typeof token === 'function' ? token.name : String(token),
    instance as unknown,
  ]);
  const all = Object.fromEntries(known) as Record<string, Provider>;
  for (const name of names) if (!all[name]) throw new Error(`PushModule has no provider ${name}.`);
  return all as Record<Name, Provider>;
}
