import type { Type } from '@nestjs/common';
import { defaultMetadataStorage as storage } from 'class-transformer/cjs/storage.js';

/*
 * What class-transformer knows of a property. It makes instances of payload classes before they are validated, and has no public
 * way to ask what it will do.
 */

/** A class that a property's value becomes where a field of it has a certain value. */
export interface Variant {
  readonly type: Type<object>;
  /** The field and its value; missing for the class of all other values. */
  readonly discriminator?: { readonly property: string; readonly name: string };
}

/** Of class-transformer's kinds of transformations, the one from plain objects to instances. */
const plainToClass = 0;

/** The name under which clients send a property. */
export function nameOnWire(type: Type<object>, property: string): string {
  return storage.findExposeMetadata(type, property)?.options?.name ?? property;
}

/** What `@Type()` says that the values of a property become; `undefined` without it. */
export function typeOfProperty(type: Type<object>, property: string): unknown {
  return storage.findTypeMetadata(type, property)?.typeFunction?.();
}

/** Whether `@Transform()` may change a property before it is validated. */
export function isTransformed(type: Type<object>, property: string): boolean {
  return storage.findTransformMetadatas(type, property, plainToClass).length > 0;
}

/** The classes that objects in a property become. Empty if they stay plain objects, which no nested validation lets pass. */
export function variantsOf(type: Type<object>, property: string): readonly Variant[] {
  const metadata = storage.findTypeMetadata(type, property);
  const { discriminator } = metadata?.options ?? {};
  if (discriminator)
    return discriminator.subTypes.map(({ value, name }) => ({
      type: value,
      discriminator: { property: discriminator.property, name },
    }));
  const only = metadata?.typeFunction?.();
  return typeof only === 'function' && only !== Object ? [{ type: only as Type<object> }] : [];
}
