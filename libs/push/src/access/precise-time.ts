/**
 * The time in milliseconds since 1970, with fractions. Authentications and revocations within one millisecond have an order by it.
 */
export function preciseTime(): number {
  return performance.timeOrigin + performance.now();
}
