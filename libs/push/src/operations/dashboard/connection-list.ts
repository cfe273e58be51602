import type { Client } from '../../clients/client.js';
import { isOfDashboard } from '../../contracts/reserved.js';
import type { Hub } from '../../hub/hub.js';
import type { Steps } from '../../hub/replay/stepped-work.js';
import { BestRows } from './best-rows.js';
import { fitting } from './fitting.js';
import type { ConnectionFilter } from './look.js';
import { subscriptionMatch } from './text-match.js';

/** How many rows a list has. */
const mostRows = 50;

/** How many topics a row has. */
const mostTopics = 20;

/** How many clients are looked at in a step. */
const clientsInStep = 64;

/** A connection, as the page shows it: of its principal it has the id alone. */
interface ConnectionRow {
  readonly connection: string;
  readonly transport: string;
  readonly user: string | null;
  readonly address: string | null;
  /** When it came, in milliseconds since 1970. */
  readonly since: number;
  readonly topics: readonly string[];
  readonly topicCount: number;
  readonly position: string | null;
  /** How many entries of the log it has not read. */
  readonly lag: number;
  readonly state: 'live' | 'lagging' | 'idle';
}

/** The connections of a node. */
export interface ConnectionList {
  readonly total: number;
  readonly matched: number;
  readonly list: readonly ConnectionRow[];
}

interface Found {
  readonly client: Client;
  readonly lag: number;
}

/** Lists the clients that a filter lets through: those that lag most first, then the newest. */
export function* connectionList(
  clients: readonly Client[],
  hub: Hub,
  filter: ConnectionFilter,
): Steps<ConnectionList> {
  const best = new BestRows<Found>(
    mostRows,
    (one, other) => other.lag - one.lag || other.client.session.since - one.client.session.since,
  );
  const matches = matchOf(filter);
  let matched = 0;
  for (const [index, client] of clients.entries()) {
    if (matches(client)) {
      matched++;
      best.add({ client, lag: lagOf(client, hub) });
    }
    if (index % clientsInStep === clientsInStep - 1) yield clientsInStep * (filter.topic ? 4 : 1);
  }
  return { total: clients.length, matched, list: fitting(best.list.map(rowOf)) };
}

function matchOf({ user, topic, transport, address }: ConnectionFilter): (client: Client) => boolean {
  const reads = subscriptionMatch(topic);
  return (client) =>
    (user === undefined || (client.principal?.id.includes(user) ?? false)) &&
    (transport === undefined || client.transport.includes(transport)) &&
    (address === undefined || client.session.address.includes(address)) &&
    (reads === undefined || (client.topics ?? []).some(reads));
}

function rowOf({ client, lag }: Found): ConnectionRow {
  const { id, transport, principal, session, topics = [], position, cursor } = client;
  return {
    connection: id,
    transport,
    user: principal?.id ?? null,
    address: session.address || null,
    since: session.since,
    topics: topics.slice(0, mostTopics).map(shown),
    topicCount: topics.length,
    position: position ?? null,
    lag,
    state: !cursor || cursor.isIdle ? 'idle' : cursor.isLive ? 'live' : 'lagging',
  };
}

/** While nothing that push knows of is read, nothing is missing. */
function lagOf({ cursor }: Client, { head }: Hub): number {
  return cursor && head ? Math.max(0, head.sequence - cursor.sequence) : 0;
}

/** The name of a view is known to its page alone. */
function shown(topic: string): string {
  return isOfDashboard(topic) ? '$dashboard' : topic;
}
