import { addressOf } from './address.js';
import { Cluster } from './cluster.js';
import { Connections } from './connections.js';
import { byId, mark } from './elements.js';
import { Feed } from './feed.js';
import { Look } from './look.js';
import { Nodes } from './nodes.js';
import { Overview } from './overview.js';
import { Painter } from './painter.js';
import { Publish } from './publish.js';
import { Status } from './status.js';
import { Tail } from './tail.js';
import { Topics } from './topics.js';
import { findingsOf, verdictOf } from './verdict.js';

/** Times and ages go on without events. */
const tick = 1_000;

const cluster = new Cluster();
const painter = new Painter(paint);
const feed = new Feed({ event: take, changed: follow });
const look = new Look(feed, { changed: () => painter.request(), ended: () => feed.end() });
const tail = new Tail(look, painter);
const sections = {
  overview: new Overview(cluster, painter),
  nodes: new Nodes(cluster, painter),
  connections: new Connections(cluster, look, painter),
  topics: new Topics(look, painter),
  tail,
  publish: new Publish(painter, () => feed.end()),
};
const status = new Status(cluster, feed, tail);

let current;
let outages = 0;

function take(type, data) {
  if (type === 'node') cluster.hear(data);
  else if (type === 'past') cluster.hearPast(data);
  else if (type === 'refused') look.hearRefusal(data);
  else if (type === 'tail') tail.event(type, data);
  else sections[current].event?.(type, data);
  painter.request();
}

/** The connection has changed. */
function follow() {
  cluster.connected(feed.status === 'live');
  if (feed.status === 'live') look.again();
  if (feed.outages.length > 0 && feed.outages.at(-1).to > outages) {
    outages = feed.outages.at(-1).to;
    tail.interrupted(feed.outages.at(-1));
  }
  painter.request();
}

function paint() {
  const findings = findingsOf(cluster, feed);
  const verdict = verdictOf(cluster, findings, feed);
  status.paint(verdict, current);
  sections[current].paint({ findings, verdict });
}

/** Shows the section that the address names. @param isMove whether the focus moves along, as with a page that is opened */
function show(isMove) {
  const { section, params } = addressOf();
  const wanted = Object.hasOwn(sections, section) ? section : 'overview';
  const isOther = wanted !== current;
  if (isOther && current) sections[current].leave?.();
  current = wanted;
  for (const name of Object.keys(sections)) byId(name).hidden = name !== wanted;
  for (const link of byId('sections').querySelectorAll('a'))
    mark(link, 'aria-current', link.hash === `#${wanted}` ? 'page' : null);
  const place = sections[wanted].enter(params) ?? (isOther ? byId(`${wanted}-title`) : undefined);
  painter.now();
  if (!isMove || !place) return;
  if (isOther) scrollTo(0, 0);
  place.focus();
}

addEventListener('hashchange', () => show(true));
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});
document.addEventListener('visibilitychange', () => painter.request());
setInterval(() => painter.request(), tick);
show(false);
feed.open();
