import type { ValidatorSchema } from './json-schema.js';

/*
 * The validators of class-validator that take strings alone. A pattern takes no more than the server does; where no pattern can
 * say it, the schema names what the server checks.
 */

const text = { type: 'string' };

function pattern(source: string): ValidatorSchema {
  return () => ({ ...text, pattern: source });
}

function format(name: string): ValidatorSchema {
  return () => ({ ...text, format: name });
}

/** A pattern that holds for the letters of English alone, which is the default. */
function inEnglish(source: string): ValidatorSchema {
  return ([locale]) => (locale === undefined || locale === 'en-US' ? { ...text, pattern: source } : text);
}

/** A validator whose rules are too long for a schema. */
function checked(name: string): [string, ValidatorSchema] {
  return [name, () => ({ ...text, description: `The server checks ${name}.` })];
}

function escaped(seed: unknown): string {
  return String(seed).replace(/[$()*+.?[\\\]^{|}/]/g, '\\$&');
}

const hex = '[0-9A-Fa-f]';

/** @param version `all`, or a digit */
function uuid([version]: readonly unknown[]) {
  const isAny = version === undefined || version === null || version === 'all';
  const digit = isAny ? '[1-8]' : String(version as string | number);
  const own = `${hex}{8}-${hex}{4}-${digit}${hex}{3}-[89ABab]${hex}{3}-${hex}{12}`;
  const known = /^(\[1-8\]|[1-8])$/.test(digit);
  const nil = '0{8}-0{4}-0{4}-0{4}-0{12}';
  return { ...text, format: 'uuid', ...(known && { pattern: isAny ? `^(${own}|${nil})$` : `^${own}$` }) };
}

/** A regular expression of JavaScript as that of a schema, which has no flags and knows Unicode. */
function matches([expression, modifiers]: readonly unknown[]) {
  const { source, flags } =
    expression instanceof RegExp
      ? expression
      : { source: String(expression), flags: typeof modifiers === 'string' ? modifiers : '' };
  const isPlain = /^[gdu]*$/.test(flags) && isUnicode(source);
  return isPlain ? { ...text, pattern: source } : { ...text, description: `It matches /${source}/${flags}.` };
}

function isUnicode(source: string): boolean {
  try {
    return new RegExp(source, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

const isoDate: ValidatorSchema = () => ({ ...text, anyOf: [{ format: 'date-time' }, { format: 'date' }] });

/** `4`, `6`, or both. */
function ip([version]: readonly unknown[]) {
  if (version === undefined || version === null)
    return { ...text, anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] };
  return { ...text, format: `ipv${String(version as string | number)}` };
}

function isUrl([options]: readonly unknown[]) {
  // Without that option the server takes `example.com` as well, which is no URI.
  const { require_protocol: hasProtocol } = (options ?? {}) as { require_protocol?: boolean };
  return hasProtocol ? { ...text, format: 'uri' } : { ...text, description: 'A URL.' };
}

function numeric([options]: readonly unknown[]) {
  const { no_symbols: isBare, locale } = (options ?? {}) as { no_symbols?: boolean; locale?: string };
  if (locale !== undefined) return text;
  return { ...text, pattern: isBare ? '^[0-9]+$' : '^[+-]?([0-9]*\\.)?[0-9]+$' };
}

export const stringValidators: Readonly<Record<string, ValidatorSchema>> = {
  isLength: ([least, most]) => ({
    ...text,
    minLength: least ?? 0,
    ...(typeof most === 'number' && { maxLength: most }),
  }),
  minLength: ([least]) => ({ ...text, minLength: least }),
  maxLength: ([most]) => ({ ...text, maxLength: most }),
  // A character has one byte at least.
  isByteLength: ([least, most]) => ({
    ...text,
    ...(typeof most === 'number' && { maxLength: most }),
    description: `It has ${String(least)} to ${String(most ?? 'any number of')} bytes in UTF-8.`,
  }),
  matches,
  contains: ([seed]) => ({ ...text, pattern: escaped(seed) }),
  notContains: ([seed]) => ({ ...text, not: { pattern: escaped(seed) } }),
  isAlpha: inEnglish('^[A-Za-z]+$'),
  isAlphanumeric: inEnglish('^[0-9A-Za-z]+$'),
  isAscii: pattern('^[\\x00-\\x7F]+$'),
  isHexadecimal: pattern(`^(0x|0h|0X|0H)?${hex}+$`),
  isHexColor: pattern(`^#?(${hex}{3}|${hex}{4}|${hex}{6}|${hex}{8})$`),
  isOctal: pattern('^(0o|0O)?[0-7]+$'),
  isMongoId: pattern(`^${hex}{24}$`),
  isMilitaryTime: pattern('^([01]\\d|2[0-3]):[0-5]\\d$'),
  isPort: pattern('^(0|[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])$'),
  isNumberString: numeric,
  isBooleanString: () => ({ ...text, enum: ['true', 'false', '1', '0'] }),
  isUuid: uuid,
  isEmail: format('email'),
  isFqdn: format('hostname'),
  isUrl,
  isIp: ip,
  isDateString: isoDate,
  isIso8601: isoDate,
  isRFC3339: format('date-time'),
  isBase64: () => ({ ...text, contentEncoding: 'base64' }),
  isJson: () => ({ ...text, contentMediaType: 'application/json' }),
  ...Object.fromEntries(
    [
      ...[
        'isBase32',
        'isBase58',
        'isBIC',
        'isBtcAddress',
        'isCreditCard',
        'isCurrency',
        'isDataURI',
        'isDecimal',
      ],
      ...[
        'isEAN',
        'isEthereumAddress',
        'isFullWidth',
        'isHalfWidth',
        'isHash',
        'isHSL',
        'isIBAN',
        'isISO31661Alpha2',
      ],
      ...[
        'isISO31661Alpha3',
        'isISO31661Numeric',
        'isISO4217CurrencyCode',
        'isISO6391',
        'isISRC',
        'isISSN',
        'isIdentityCard',
      ],
      ...[
        'isIsbn',
        'isIsin',
        'isJwt',
        'isLatLong',
        'isLocale',
        'isLowercase',
        'isMacAddress',
        'isMagnetURI',
        'isMimeType',
      ],
      ...[
        'isMobilePhone',
        'isMultibyte',
        'isPassportNumber',
        'isPhoneNumber',
        'isPostalCode',
        'isRgbColor',
        'isSemVer',
      ],
      ...['isStrongPassword', 'isSurrogatePair', 'isTaxId', 'isTimeZone', 'isUppercase', 'isVariableWidth'],
      'IsFirebasePushId',
    ].map(checked),
  ),
};
