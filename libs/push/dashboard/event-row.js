import { element } from './elements.js';
import { cut, time, unknown } from './format.js';
import { showFacts } from './overview.js';

/** What a line shows of the data; all of it is below the line. */
const lineLength = 200;

/**
 * An event in a list, with its data below it once it is opened.
 *
 * @param event `{ id, topic, type, data, cut }`; `topic` is left out in the list of one topic
 * @param at when it came, in milliseconds since 1970
 */
export function eventRow(event, at) {
  const isOfOneTopic = event.topic === undefined;
  const summary = element('summary');
  summary.append(element('time', { class: 'number soft' }, time(at)));
  if (!isOfOneTopic) summary.append(element('span', { class: 'mono' }, event.topic));
  summary.append(
    element('span', { class: 'soft' }, event.type ?? ''),
    element('code', {}, cut(String(event.data), lineLength)),
  );
  const details = element('details', {}, summary);
  // Most are never opened.
  details.addEventListener('toggle', () => details.append(...whole(event)), { once: true });
  return element('li', { class: isOfOneTopic && 'short' }, details);
}

function whole(event) {
  const facts = element('dl', { class: 'facts' });
  showFacts(facts, [
    ['Id', event.id ?? 'none: it is ephemeral'],
    ...(event.type ? [['Type', event.type]] : []),
    ...(event.cut ? [['Data', 'the beginning of it']] : []),
  ]);
  return [facts, element('pre', {}, event.cut ? String(event.data) : pretty(event.data))];
}

/** JSON on lines of its own. */
function pretty(data) {
  if (data === undefined || data === null) return unknown;
  try {
    return JSON.stringify(JSON.parse(data), null, 2);
  } catch {
    return String(data);
  }
}
