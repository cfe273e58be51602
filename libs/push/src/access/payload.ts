import { BadRequestException, ValidationPipe, type Type } from '@nestjs/common';

/*
 * What a policy's payload class says about data. It judges, and changes nothing: what a client publishes is stored as it was sent,
 * or refused.
 */

const pipe = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
});

/**
 * An instance of `type` with the data, for a policy to work with.
 *
 * @param data parsed JSON; it is left as it is
 * @throws BadRequestException for data that is not valid, or has what the class does not know
 */
export async function payloadOf(type: Type<object>, data: unknown): Promise<unknown> {
  // The pipe deletes what it does not like.
  const instance = (await pipe.transform(structuredClone(data), { type: 'body', metatype: type })) as unknown;
  const unknown: string[] = [];
  restore(data, instance, '', unknown);
  if (unknown.length > 0)
    throw new BadRequestException(unknown.map((path) => `property ${path} should not exist`));
  return instance;
}

/**
 * class-transformer and the pipe leave out keys by which objects inherit something: `constructor`, `toString`. A class with rules does not
 * know them, so that they are refused as any other; in an object without rules they belong to the data.
 */
function restore(data: unknown, copy: unknown, path: string, unknown: string[]): void {
  if (!isContainer(data) || !isContainer(copy)) return;
  const isPlain = Array.isArray(copy) || !isInstance(copy);
  for (const [key, value] of Object.entries(data)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (Object.hasOwn(copy, key)) restore(value, copy[key], at, unknown);
    else if (!(key in copy) && key !== 'prototype') continue;
    else if (isPlain)
      Object.defineProperty(copy, key, { value, enumerable: true, writable: true, configurable: true });
    else unknown.push(at);
  }
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether a class has made it, other than `Object`. */
function isInstance(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}
