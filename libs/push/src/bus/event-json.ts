import { PushError } from '../contracts/errors.js';

/**
 * The data of an event as JSON text.
 *
 * @throws PushError `DATA_NOT_SERIALIZABLE`, `DATA_TOO_LARGE`
 */
export function jsonOf(topic: string, data: unknown, maxEventBytes: number): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    const message = `The data for ${topic} cannot be written as JSON. Publish plain objects, without cycles or BigInts.`;
    throw new PushError('DATA_NOT_SERIALIZABLE', message, { cause });
  }
  if (json === undefined) {
    throw new PushError(
      'DATA_NOT_SERIALIZABLE',
      `The data for ${topic} is ${typeof data}. Publish null for "no data".`,
    );
  }
  return sized(topic, json, maxEventBytes);
}

/**
 * JSON text that is not too large.
 *
 * @throws PushError `DATA_TOO_LARGE`
 */
export function sized(topic: string, json: string, maxEventBytes: number): string {
  // A UTF-16 unit takes three bytes at most, so that most payloads need no counting.
  if (json.length * 3 > maxEventBytes && Buffer.byteLength(json) > maxEventBytes) {
    const message = `The data for ${topic} has ${Buffer.byteLength(json)} bytes; maxEventBytes is ${maxEventBytes}.`;
    throw new PushError('DATA_TOO_LARGE', `${message} Publish a reference to it, or raise the limit.`);
  }
  return json;
}
