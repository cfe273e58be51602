import { refusals } from '../../bus/debug-log.js';
import {
  byGroup,
  byHandler,
  byRule,
  byTransport,
  transport,
  type InstrumentDefinition,
} from './instrument.js';

/** Which messaging system metrics are about, in the semantic conventions. */
export const system = { 'messaging.system': 'nestjs_push' } as const;

/** The name of an attribute that the conventions do not have. */
const reason = 'nestjs_push.reason';

const published = { ...system, 'messaging.operation.name': 'publish' };

/** All instruments but the histogram of durations. */
export const instruments: readonly InstrumentDefinition[] = [
  {
    kind: 'counter',
    name: 'messaging.client.sent.messages',
    unit: '{message}',
    description: 'Events that this node has published, by rule; by error those that it could not publish.',
    *read({ counts }) {
      yield* byRule(counts, counts.stored, { ...published, 'nestjs_push.ephemeral': false });
      yield* byRule(counts, counts.ephemeral, { ...published, 'nestjs_push.ephemeral': true });
      for (const [code, value] of counts.failed) yield [value, { ...published, 'error.type': code }];
    },
  },
  {
    kind: 'counter',
    name: 'nestjs_push.log.read',
    unit: '{event}',
    description: 'Events of the log that this node has read, from all nodes.',
    read: ({ counts }) => [[counts.read]],
  },
  {
    kind: 'counter',
    name: 'nestjs_push.delivered.events',
    unit: '{event}',
    description: 'Events that were written to clients, by transport and rule: once for each client.',
    read: ({ counts }) => byTransport(counts, (each, attributes) => byRule(counts, each.events, attributes)),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.delivered.bytes',
    unit: 'By',
    description:
      'Bytes of the events that were written to clients, before compression; without streams that the application pipes.',
    read: ({ counts }) => byTransport(counts, ({ bytes }, attributes) => [[bytes, attributes]]),
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.delivery.delay',
    unit: 's',
    description: 'For how long the oldest event has waited that is not delivered yet.',
    read: ({ stats }) => [[stats.delivery.delay / 1_000]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.delivery.pending',
    unit: '{event}',
    description: 'Events that are not delivered yet.',
    read: ({ stats }) => [[stats.delivery.events]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.publishers.waiting',
    unit: '{publisher}',
    description: 'Publishers that wait until there is room.',
    read: ({ stats }) => [[stats.delivery.waiting]],
  },
  {
    kind: 'counter',
    name: 'nestjs_push.publishers.refused',
    unit: '{event}',
    description: 'Events that were not published because the node is overloaded.',
    read: ({ stats }) => [[stats.delivery.refused]],
  },
  {
    kind: 'counter',
    name: 'nestjs_push.written.bytes',
    unit: 'By',
    description: 'Bytes that went out for these events: fewer than delivered where they were compressed.',
    read: ({ counts }) => byTransport(counts, ({ written }, attributes) => [[written, attributes]]),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.gaps',
    unit: '{gap}',
    description: 'Gaps that clients were told of, by reason.',
    *read({ counts }) {
      for (const [name, value] of counts.gaps) yield [value, { [reason]: name }];
    },
  },
  {
    kind: 'sum',
    name: 'nestjs_push.connections',
    unit: '{connection}',
    description: 'Clients that are connected, by transport.',
    read: ({ counts }) => byTransport(counts, ({ connected }, attributes) => [[connected, attributes]]),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.connections.opened',
    unit: '{connection}',
    description: 'Clients that have connected, by transport.',
    read: ({ counts }) => byTransport(counts, ({ opened }, attributes) => [[opened, attributes]]),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.connections.closed',
    unit: '{connection}',
    description: 'Connections that have ended, by transport, reason and error.',
    read: ({ counts }) =>
      byTransport(counts, function* ({ closed }, attributes) {
        for (const [key, value] of closed) {
          const [why, code] = key.split(' ');
          yield [value, { ...attributes, [reason]: why!, ...(code && { 'error.type': code }) }];
        }
      }),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.refusals',
    unit: '{refusal}',
    description: 'Clients and messages of clients that were refused, by transport and error.',
    *read() {
      for (const [key, value] of refusals) {
        const at = key.lastIndexOf(' ');
        yield [value, { [transport]: key.slice(0, at), 'error.type': key.slice(at + 1) }];
      }
    },
  },
  {
    kind: 'counter',
    name: 'nestjs_push.errors',
    unit: '{error}',
    description: 'Errors that onError was told of, by stage.',
    *read({ errors }) {
      for (const [stage, value] of errors) yield [value, { 'nestjs_push.stage': stage }];
    },
  },
  {
    kind: 'counter',
    name: 'nestjs_push.handlers.handled',
    unit: '{event}',
    description: 'Events that methods of the application have handled, by handler and group.',
    read: ({ handlers }) => byHandler(handlers, ({ handled }) => handled),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.handlers.failed',
    unit: '{attempt}',
    description: 'Attempts of them that have failed, by handler and group.',
    read: ({ handlers }) => byHandler(handlers, ({ failed }) => failed),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.handlers.retried',
    unit: '{attempt}',
    description: 'Attempts with an event that had failed before, by handler and group.',
    read: ({ handlers }) => byHandler(handlers, ({ retried }) => retried),
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.groups.dead_letters',
    unit: '{event}',
    description: 'Dead letters of a group of handlers, on all nodes.',
    read: ({ groups }) => byGroup(groups, ({ deadLetters }) => deadLetters),
  },
  {
    kind: 'sum',
    name: 'nestjs_push.groups.waiting',
    unit: '{event}',
    description: 'Events that this node has read for a group of handlers, and that are not done.',
    read: ({ groups }) => byGroup(groups, ({ waiting }) => waiting),
  },
  {
    kind: 'sum',
    name: 'nestjs_push.groups.partitions',
    unit: '{partition}',
    description: 'Partitions of a group of handlers that this node has.',
    read: ({ groups }) => byGroup(groups, ({ partitions }) => partitions),
  },
  {
    kind: 'sum',
    name: 'nestjs_push.handshakes.pending',
    unit: '{client}',
    description: 'Clients that are being authenticated, or wait for the log.',
    read: ({ handshakes }) => [[handshakes]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.turns.pending',
    unit: '{request}',
    description: 'Clients and messages that wait for their turn.',
    read: ({ turns }) => [[turns]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.subscriptions',
    unit: '{subscription}',
    description: 'Topics and patterns over all readers.',
    read: ({ stats }) => [[stats.subscriptions]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.audiences',
    unit: '{audience}',
    description: 'Different sets of topics among the readers.',
    read: ({ stats }) => [[stats.audiences]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.readers.lagging',
    unit: '{reader}',
    description: 'Readers that have not got everything yet: they are catching up, or their socket is full.',
    read: ({ stats }) => [[stats.lagging]],
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.window.events',
    unit: '{event}',
    description: 'Events in the memory of this node.',
    read: ({ stats }) => [[stats.window.events]],
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.window.bytes',
    unit: 'By',
    description: 'Memory that they and their topics take, about.',
    read: ({ stats }) => [[stats.window.bytes]],
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.window.topics',
    unit: '{topic}',
    description: 'Topics that this node knows, with or without events.',
    read: ({ stats }) => [[stats.window.topics]],
  },
  {
    kind: 'counter',
    name: 'nestjs_push.history.pages',
    unit: '{page}',
    description: 'Pages of older events that were read from the backplane.',
    read: ({ stats }) => [[stats.history.pages]],
  },
  {
    kind: 'sum',
    name: 'nestjs_push.history.pending',
    unit: '{page}',
    description: 'Pages that are being read, or wait for that.',
    read: ({ stats: { history } }) => [[history.reading + history.waiting]],
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.log.lag',
    unit: '{event}',
    description: 'Entries of the log that this node has not read yet, when the server could tell last.',
    read: ({ lag }) => (lag === undefined ? [] : [[lag]]),
  },
  {
    kind: 'sum',
    name: 'nestjs_push.backplane.pending',
    unit: '{event}',
    description: 'Events that wait to be stored.',
    read: ({ backplane }) => (backplane ? [[backplane.waiting]] : []),
  },
  {
    kind: 'counter',
    name: 'nestjs_push.backplane.outages',
    unit: '{outage}',
    description: 'How often the server of the backplane has gone away.',
    read: ({ backplane }) => (backplane ? [[backplane.outages]] : []),
  },
  {
    kind: 'gauge',
    name: 'nestjs_push.backplane.up',
    unit: '1',
    description: '1 while the server of the backplane can be used, 0 while it is away.',
    read: ({ backplane }) => (backplane ? [[backplane.isAway ? 0 : 1]] : []),
  },
  ...(['p50', 'p99', 'max'] as const).map((part): InstrumentDefinition => ({
    kind: 'gauge',
    name: `nodejs.eventloop.delay.${part}`,
    unit: 's',
    description: 'How late the event loop was since the last collection.',
    read: ({ delay }) => (delay ? [[delay[part]]] : []),
  })),
];
