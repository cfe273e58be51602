const endpoints = new WeakSet<object>();

/** Declares that a controller or gateway is one of push's own. */
export function declarePushEndpoint(type: object): void {
  endpoints.add(type);
}

/** Whether a controller or gateway is one of push's own. */
export function isPushEndpoint(type: object): boolean {
  return endpoints.has(type);
}
