import { PushError } from './errors.js';

/**
 * Checks the value of an option. `undefined` passes, because the option then has its default.
 *
 * @param name the path of the option, for example `retention.bytes`
 * @throws PushError `INVALID_OPTION`, which names the option, what it got and what it takes
 */
export type Check = (value: unknown, name: string) => void;

/** A check for each option. The type makes sure that none is missing. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

/** The longest delay of a timer in Node, in milliseconds. A longer one fires at once. */
export const longestTimer = 2 ** 31 - 1;

/** The rule for a number. */
interface NumberRule {
  readonly least: number;
  readonly most?: number;
  /** Whether `Infinity` lifts the bound. */
  readonly infinite?: boolean;
  readonly whole?: boolean;
  /** What it counts: "bytes". */
  readonly of?: string;
}

/** @throws PushError `INVALID_OPTION` */
export function refuse(name: string, value: unknown, takes: string): never {
  throw new PushError('INVALID_OPTION', `${name} is ${shown(value)}; it takes ${takes}.`);
}

export function number({
  least,
  most = Infinity,
  infinite = false,
  whole = true,
  of = '',
}: NumberRule): Check {
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  const takes = `a ${whole ? 'whole ' : ''}number${of && ` of ${of}`} ${range}${infinite ? ', or Infinity' : ''}`;
  return (value, name) => {
    if (value === undefined || (infinite && value === Infinity)) return;
    const isNumber =
      typeof value === 'number' && (whole ? Number.isSafeInteger(value) : Number.isFinite(value));
    if (!isNumber || value < least || value > most) refuse(name, value, takes);
  };
}

/** Milliseconds that a timer waits. */
export const milliseconds = number({ least: 1, most: longestTimer, whole: false, of: 'milliseconds' });

export const boolean: Check = (value, name) => {
  if (value !== undefined && typeof value !== 'boolean') refuse(name, value, 'true or false');
};

export const text: Check = (value, name) => {
  if (value !== undefined && (typeof value !== 'string' || value === ''))
    refuse(name, value, 'a string that is not empty');
};

/** @param does describes the function: "a function that …" */
export function callable(does: string): Check {
  return (value, name) => {
    if (value !== undefined && typeof value !== 'function') refuse(name, value, does);
  };
}

export function oneOf(...values: readonly (string | boolean)[]): Check {
  return (value, name) => {
    if (value === undefined || values.includes(value as string)) return;
    const [last, ...others] = values.map((each) => JSON.stringify(each)).reverse();
    refuse(name, value, others.length > 0 ? `${others.reverse().join(', ')} or ${last}` : last!);
  };
}

export function list(each: Check, takes: string): Check {
  return (value, name) => {
    if (value === undefined) return;
    if (!Array.isArray(value)) refuse(name, value, takes);
    // An option may be undefined, but an item of a list may not.
    value.forEach((item: unknown, index) => {
      if (item === undefined) refuse(`${name}[${index}]`, item, 'a value');
      each(item, `${name}[${index}]`);
    });
  };
}

/** Accepts any value: the code that uses the option checks it. */
export const checkedElsewhere: Check = () => undefined;

/** An object with these options, and no others. */
export function shape<Options>(checks: Checks<Options>): Check {
  return (value, name) => {
    if (value === undefined) return;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      refuse(name, value, `an object with ${Object.keys(checks).join(', ')}`);
    checkOptions(value, checks, name);
  };
}

/** Checks each of `options`, and that all of them exist. @param name of the object they are in; empty for the outermost */
export function checkOptions<Options>(options: object, checks: Checks<Options>, name = ''): void {
  const known = checks as Record<string, Check>;
  for (const [key, value] of Object.entries(options)) {
    const path = name === '' ? key : `${name}.${key}`;
    if (!Object.hasOwn(known, key)) throw unknownOption(path, key, Object.keys(known));
    known[key]!(value, path);
  }
}

/** The error for an option that does not exist. It suggests the nearest name, because most are spelling mistakes. */
export function unknownOption(path: string, key: string, known: readonly string[]): PushError {
  const [nearest] = known
    .map((each) => ({ each, distance: distanceOf(key.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= Math.max(2, each.length / 3))
    .sort((a, b) => a.distance - b.distance);
  const hint = nearest ? `Did you mean "${nearest.each}"?` : `There are: ${known.join(', ')}.`;
  return new PushError('INVALID_OPTION', `There is no option "${path}". ${hint}`);
}

/** The Levenshtein distance of two words. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, char] of [...one].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++)
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (char === other[j] ? 0 : 1)));
    row = next;
  }
  return row.at(-1)!;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
