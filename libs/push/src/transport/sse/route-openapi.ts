import { namedParameters } from '../../platform/route-metadata.js';

/*
 * The metadata from which `@nestjs/swagger` describes event streams of the application. What decorators of the application say holds.
 */
const parametersKey = 'swagger/apiParameters';
const producesKey = 'swagger/apiProduces';
const responseKey = 'swagger/apiResponse';

interface Named {
  readonly name?: string;
}

const text = { type: 'string' };

const lastEventId = {
  in: 'header',
  name: 'Last-Event-ID',
  description: 'The id of the last event that the client has got: resumes after it',
  required: false,
  schema: { ...text, maxLength: 64 },
};

const responses = {
  200: { description: 'An event stream', content: { 'text/event-stream': { schema: text } } },
  204: { description: 'The stream has ended for good: its last id is push.end' },
};

/**
 * Describes a route that is an event stream.
 *
 * @param names of its parameters: those that the method does not take itself are described here
 */
export function describeStreamRoute(
  target: object,
  key: string,
  handler: object,
  names: readonly string[],
): void {
  const known = (Reflect.getOwnMetadata(parametersKey, handler) ?? []) as readonly Named[];
  const taken = new Set([...known.map(({ name }) => name), ...namedParameters(target.constructor, key)]);
  const missing = [...new Set(names)].filter((name) => !taken.has(name));
  const parameters = missing.map((name) => ({ in: 'path', name, required: true, schema: text }));
  Reflect.defineMetadata(parametersKey, [...known, ...parameters, lastEventId], handler);
  if (!Reflect.hasOwnMetadata(producesKey, handler))
    Reflect.defineMetadata(producesKey, ['text/event-stream'], handler);
  const answers = (Reflect.getOwnMetadata(responseKey, handler) ?? {}) as object;
  Reflect.defineMetadata(responseKey, { ...responses, ...answers }, handler);
}
