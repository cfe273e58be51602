import type { Type } from '@nestjs/common';

/** What a Standard Schema answers about a value. */
export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

/** What is wrong with a value. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev): zod, valibot, arktype and others.
 *
 * @typeParam Input what it takes
 * @typeParam Output what it makes of that
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What validates data: a class with class-validator decorators, or a Standard Schema. */
export type PayloadSchema = Type<object> | StandardSchema;

/** What validates data of the type `Data`; anything that validates if that is `unknown`. */
export type PayloadSchemaOf<Data> = unknown extends Data
  ? PayloadSchema
  : Type<Data & object> | StandardSchema<Data, unknown>;

/** What a schema takes; `unknown` if it does not say. */
export type InputOf<Schema> =
  Schema extends StandardSchema<infer Input, unknown>
    ? Input
    : Schema extends Type<infer Instance>
      ? Instance
      : unknown;

/** What validation makes of data; `unknown` if the schema does not say. */
export type ValidatedBy<Schema> =
  Schema extends StandardSchema<unknown, infer Output>
    ? Output
    : Schema extends Type<infer Instance>
      ? Instance
      : unknown;

/** What describes data in a document: what validates it, or a JSON Schema (draft 7). */
export type DocumentedSchema = PayloadSchema | Readonly<Record<string, unknown>>;

/** Whether it is a Standard Schema. Some of them are functions, as classes are. */
export function isStandardSchema(schema: unknown): schema is StandardSchema {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false;
  const { '~standard': standard } = schema as Partial<StandardSchema>;
  return typeof standard?.validate === 'function';
}
