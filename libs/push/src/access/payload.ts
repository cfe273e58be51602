import { BadRequestException, ValidationPipe, type Type } from '@nestjs/common';
import {
  isStandardSchema,
  type PayloadSchema,
  type StandardIssue,
  type StandardSchema,
} from '../contracts/payload-schema.js';

/*
 * Validates data with a policy's payload class, or its Standard Schema. Validation changes nothing: what a client publishes is
 * stored as it was sent, or refused.
 */

/** A list of a thousand wrong items should not make an answer of a thousand lines. */
const maxIssues = 10;

const pipe = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
});

/**
 * What a policy works with: an instance of the class with the data, or what the Standard Schema makes of it.
 *
 * @param data parsed JSON; it is left as it is
 * @throws BadRequestException for data that is not valid, or has properties that the class does not declare
 */
export async function payloadOf(schema: PayloadSchema, data: unknown): Promise<unknown> {
  return isStandardSchema(schema) ? parsed(schema, data) : instanceOf(schema, data);
}

async function parsed(schema: StandardSchema, data: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(structuredClone(data));
  if (result.issues) throw new BadRequestException(result.issues.slice(0, maxIssues).map(lineOf));
  return result.value;
}

/** `items.0.price: Expected a number`. */
function lineOf({ message, path = [] }: StandardIssue): string {
  const keys = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return keys.length > 0 ? `${keys.join('.')}: ${message}` : message;
}

async function instanceOf(type: Type<object>, data: unknown): Promise<unknown> {
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
