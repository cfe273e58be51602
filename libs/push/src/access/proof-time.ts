/**
 * When somebody was authenticated, or dismissed: milliseconds since 1970 with fractions, so that what happens within one
 * millisecond has an order.
 */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
