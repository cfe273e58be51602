import { BadRequestException, ValidationPipe, type Type } from '@nestjs/common';

/*
 * Validates data with a policy's payload class. Validation changes nothing: what a client publishes is stored as it was sent, or
 * refused.
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
 * @throws BadRequestException for data that is not valid, or has properties that the class does not declare
 */
export async function payloadOf(type: Type<object>, data: unknown): Promise<unknown> {
  // The pipe deletes properties of its input.
  const instance = (await pipe.transform(structuredClone(data), { type: 'body', metatype: type })) as unknown;
  const unknown: string[] = [];
  restore(data, instance, '', unknown);
  if (unknown.length > 0)
    throw new BadRequestException(unknown.map((path) => `property ${path} should not exist`));
  return instance;
}

/**
 * class-transformer and the pipe drop keys that are names of inherited properties: `constructor`, `toString`. In an instance of a
 * payload class they are refused, like any other undeclared key. In a plain object they are part of the data, and are restored.
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

/** Whether it is an instance of a class other than `Object`. */
function isInstance(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}
