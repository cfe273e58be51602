import { pathParameters } from '../platform/route-metadata.js';

/* What lets `@nestjs/swagger` describe the routes of a chat. It need not be installed. */

const parametersKey = 'swagger/apiParameters';
const typesKey = 'design:paramtypes';

/** Describes where a reader begins. */
export const indexQuery = {
  in: 'query',
  name: 'startIndex',
  description: 'The chunks from this one on: see x-workflow-stream-tail-index',
  required: false,
  schema: { type: 'integer' },
};

/** Gives a handler the name of its method, by which its parameters are found. */
export function named<Handler extends object>(name: string, handler: Handler): Handler {
  return Object.defineProperty(handler, 'name', { value: name });
}

/** Says, as TypeScript does of what it compiles, that so many parameters are texts, from the one at `index` on. */
export function describeTexts(target: object, name: string, index: number, count: number): void {
  const known = (Reflect.getMetadata(typesKey, target, name) ?? []) as unknown[];
  const types = Array.from({ length: index }, (_, each) => known[each] ?? Object);
  Reflect.defineMetadata(typesKey, [...types, ...Array.from({ length: count }, () => String)], target, name);
}

/** Describes the parameters of the path of a chat: those that its method takes, and those that its own path names. */
export function pathTexts(target: object, key: string, path: string): object[] {
  const ofPath = Array.from(path.matchAll(/:(\w+)/g), ([, name]) => name!);
  const names = new Set([...pathParameters(target.constructor, key), ...ofPath]);
  return Array.from(names, (name) => ({ in: 'path', name, required: true, schema: { type: 'string' } }));
}

/** Describes parameters of a route, beside what decorators below say of the method. */
export function describedAs(parameters: readonly object[]): MethodDecorator {
  return (_target, _key, descriptor) => {
    const handler = descriptor.value as object;
    const known = (Reflect.getMetadata(parametersKey, handler) ?? []) as object[];
    Reflect.defineMetadata(parametersKey, [...known, ...parameters], handler);
  };
}
