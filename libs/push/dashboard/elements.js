/**
 * Elements are made by calls, and what they say is set as text, so that no topic and no data is ever read as markup.
 */

const svgNamespace = 'http://www.w3.org/2000/svg';

/** @param attributes by name; `on` holds listeners by event. `false`, `null` and `undefined` leave an attribute out */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An element of SVG. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(svgNamespace, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'on') listen(node, value);
    else if (value !== undefined && value !== null && value !== false)
      node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...children);
  return node;
}

function listen(node, listeners) {
  for (const [event, listener] of Object.entries(listeners)) node.addEventListener(event, listener);
}

/** Sets the text of a node, unless it says that already: what does not change is not drawn, and not spoken, again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute, or removes it with `null`, unless it is so already. */
export function mark(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Makes the children of `parent` those that `make` has made for the items, in their order. What was made for a key stays,
 * with its focus, and is only brought up to date.
 *
 * @param keyOf a text for each item, different for each
 * @param make the element for an item that is new
 * @param update brings an element up to date
 */
export function keep(parent, items, keyOf, make, update = () => undefined) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const child of known.values()) child.remove();
}
