/**
 * What the page shows is in the fragment of its address, `#topics?topic=orders.42`, so that it can be shared, reloaded, and
 * gone back to.
 */

/** `{ section, params }` of the address. */
export function addressOf(hash = location.hash) {
  const [section, query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  return { section, params: new URLSearchParams(query) };
}

/** The fragment that shows a section. Parameters that are empty are left out. */
export function fragment(section, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value);
  return given.length > 0 ? `#${section}?${new URLSearchParams(given)}` : `#${section}`;
}

/** Changes the address without a step in the history of the browser: the operator types. */
export function replaceAddress(section, params) {
  history.replaceState(null, '', fragment(section, params));
}
