/** Numbers and times, as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** What stands where nothing is known. */
export const unknown = '–';

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** A number with its thousands apart: `12,345`. */
export function count(value) {
  return isNumber(value) ? whole.format(value) : unknown;
}

/** A number for tight places: `12.3K`, and tenths below ten. */
export function brief(value) {
  if (!isNumber(value)) return unknown;
  if (Math.abs(value) >= 10_000) return short.format(value);
  return Math.abs(value) < 10 ? tenths.format(value) : whole.format(value);
}

/** `1 event`, `2 events`. */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Bytes: `1.2 MB`. */
export function bytes(value) {
  if (!isNumber(value)) return unknown;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${brief(value)} ${units[unit]}`;
}

/** Milliseconds: `12 ms`, `1.5 s`. */
export function delay(value) {
  if (!isNumber(value)) return unknown;
  return value < 1000 ? `${brief(value)} ms` : `${tenths.format(value / 1000)} s`;
}

/** How long something takes or lasts, from milliseconds: `42 s`, `3 min 12 s`, `17 min`, `5 h 2 min`, `12 d 3 h`. */
export function duration(value) {
  if (!isNumber(value)) return unknown;
  const seconds = Math.max(0, Math.floor(value / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 10 && minutes < 60) return `${minutes} min`;
  if (minutes < 60) return both(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? both(hours, 'h', minutes % 60, 'min')
    : both(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const both = (large, unit, rest, smaller) =>
  rest === 0 ? `${large} ${unit}` : `${large} ${unit} ${rest} ${smaller}`;

/** A time of day, from milliseconds since 1970: `14:03:05`. */
export function time(value) {
  return isNumber(value) && Math.abs(value) < 8.64e15 ? clock.format(value) : unknown;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items) {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The beginning of a text. */
export function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
