import { PushError } from '../contracts/errors.js';

/** The length of a string, in UTF-16 code units. */
interface TextBounds {
  readonly max: number;
  /** Default: 0. */
  readonly min?: number;
  /** What else is wrong with it. */
  readonly problemOf?: (text: string) => string | undefined;
}

/** The most strings in a list, and the most UTF-16 code units in each. */
interface ListBounds {
  readonly items: number;
  readonly max: number;
}

/**
 * Reads the fields of a message from a client. It ignores unknown fields, so that a newer client may send more than this
 * server knows. A field that is `null` counts as missing.
 *
 * It returns values as they were parsed, and copies none of them.
 */
export class MessageFields {
  private readonly wrong: string[] = [];
  private readonly source: Readonly<Record<string, unknown>>;

  /** @param path the prefix of field names in errors */
  constructor(
    source: object,
    private readonly path = '',
  ) {
    this.source = source as Readonly<Record<string, unknown>>;
  }

  /** Returns any value, unchecked; `undefined` if the field is missing. */
  any(name: string): unknown {
    return Object.hasOwn(this.source, name) ? this.source[name] : undefined;
  }

  text(name: string, bounds: TextBounds): string {
    const value = this.optionalText(name, bounds);
    if (value === undefined && !this.has(name)) this.refuse(name, 'is missing');
    return value ?? '';
  }

  optionalText(name: string, { max, min = 0, problemOf }: TextBounds): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.any(name);
    if (typeof value === 'string' && value.length >= min && value.length <= max) {
      const problem = problemOf?.(value);
      return problem === undefined ? value : this.refuse(name, problem);
    }
    return this.refuse(name, `has to be a string of ${min > 0 ? `${min} to ` : 'at most '}${max} characters`);
  }

  optionalFlag(name: string): boolean | undefined {
    if (!this.has(name)) return undefined;
    const value = this.any(name);
    return typeof value === 'boolean' ? value : this.refuse(name, 'has to be true or false');
  }

  texts(name: string, { items, max }: ListBounds): string[] {
    const value = this.any(name);
    const isList = Array.isArray(value) && value.length > 0 && value.length <= items;
    if (!isList || !value.every((item) => typeof item === 'string' && item.length <= max)) {
      this.refuse(name, `has to be a list of 1 to ${items} strings of at most ${max} characters each`);
      return [];
    }
    return value as string[];
  }

  /** Reads a list of objects, each by `read`. */
  objects<T>(name: string, items: number, read: (fields: MessageFields) => T): T[] {
    const value = this.any(name);
    if (!Array.isArray(value) || value.length > items) {
      this.refuse(name, `has to be a list of at most ${items} objects`);
      return [];
    }
    return value.map((item: unknown, index) => {
      const path = `${this.path}${name}[${index}]`;
      if (!isObject(item)) this.wrong.push(`${path} has to be an object`);
      const fields = new MessageFields(isObject(item) ? item : {}, `${path}.`);
      const result = read(fields);
      if (isObject(item)) this.wrong.push(...fields.wrong);
      return result;
    });
  }

  /** @throws PushError `INVALID_MESSAGE`, which names each field that is wrong */
  assertValid(): void {
    assertNothingWrong(this.wrong);
  }

  private has(name: string): boolean {
    const value = this.any(name);
    return value !== undefined && value !== null;
  }

  private refuse(name: string, rule: string): undefined {
    this.wrong.push(`${this.path}${name} ${rule}`);
    return undefined;
  }
}

/** @throws PushError `INVALID_MESSAGE` with these `details`, if there are any */
export function assertNothingWrong(details: readonly string[]): void {
  if (details.length === 0) return;
  // A list of a thousand wrong items should not make an answer of a thousand lines.
  const shown = details.slice(0, maxDetails);
  throw new PushError('INVALID_MESSAGE', `Not what the protocol has: ${shown.join('; ')}.`, {
    details: shown,
  });
}

const maxDetails = 10;

/** Whether this is a JSON object. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
