import type { DocumentedSchema } from '../contracts/payload-schema.js';
import { eventId, member, memberCount, object, run, topic } from '../wire/protocol-schemas.js';
import { addressOf, channelNameOf, type ChannelAddress } from './channel-address.js';
import type { Message } from './protocol-messages.js';
import type { JsonSchema } from './schema/json-schema.js';
import type { PayloadSchemas } from './schema/payload-schemas.js';
import type { TopicChannel } from './topic-channels.js';

type Fields = Record<string, unknown>;

/** What all channels and operations of topics have. */
export interface TopicSurroundings {
  readonly servers: readonly object[];
  readonly security: readonly object[];
  /** The answer to what clients publish, where there is one. */
  readonly reply?: object;
  /** The names of the other channels. */
  readonly taken: readonly string[];
}

/** The channels of topics, and what clients and the server do there. */
export class TopicSection {
  readonly channels: Record<string, Fields> = {};
  readonly operations: Record<string, Fields> = {};

  constructor(
    private readonly schemas: PayloadSchemas,
    private readonly surroundings: TopicSurroundings,
  ) {}

  add(channel: TopicChannel): void {
    const place = addressOf(...channel.declared);
    const name = this.nameOf(place.address);
    const read = channel.readers === undefined ? {} : this.messagesToRead(channel, name);
    const published = Object.fromEntries(
      channel.publishing.map(({ payload }, index) => [
        `publish${index === 0 ? '' : index + 1}`,
        publication(this.schemas.of(payload, `${name}.publish`)),
      ]),
    );
    const says = channel.rule?.presence && channel.readers !== undefined;
    const presence = says && {
      presence: presenceMessage(this.schemas.of(channel.presence, `${name}.presence`)),
    };
    const { description } = channel.documentation;
    this.channels[name] = {
      address: place.address,
      title: channel.declared[0],
      ...(description !== undefined && { description }),
      ...this.placed(place),
      messages: { ...read, ...published, ...presence },
      ...tagsOf(channel),
      'x-push-topic': factsOf(channel),
    };
    this.operate(name, 'send', 'events', Object.keys(read), 'Clients that subscribe get these.', channel);
    this.operate(
      name,
      'receive',
      'publish',
      Object.keys(published),
      'Clients publish, if a policy lets them.',
    );
    if (presence)
      this.operate(
        name,
        'receive',
        'presence',
        ['presence'],
        'Clients say who they are to the others.',
        channel,
      );
    if (channel.readers !== undefined) this.addOwned(channel, place);
  }

  /** What nodes write about the topics: their presence, and their runs. */
  private addOwned(channel: TopicChannel, { address, parameters }: ChannelAddress): void {
    const { presence, finite } = channel.rule ?? {};
    const isCounted = typeof presence === 'object' && presence.counts;
    const data = this.schemas.of(channel.presence, `${channelNameOf(address)}.presence`);
    const own = (
      prefix: string,
      rest: string,
      added: Record<string, string>,
      title: string,
      payload: JsonSchema,
    ) => {
      const descriptions = Object.entries(added).map(([key, description]) => [key, { description }]);
      const place = {
        address: prefix + address + rest,
        parameters: { ...parameters, ...(Object.fromEntries(descriptions) as object) },
      };
      this.addState(place, title, payload, channel);
    };
    const clientHere = { member: 'One client that is there.' };
    if (presence && !isCounted) own('$presence.', '.{member}', clientHere, 'Who is there', member(data));
    const counterHere = { counter: 'One of those that count.' };
    if (presence) own('$presence.', '.$count.{counter}', counterHere, 'How many more are there', memberCount);
    if (finite) own('$run.', '', {}, 'The run that writes the topic', run);
  }

  private addState(place: ChannelAddress, title: string, payload: JsonSchema, channel: TopicChannel): void {
    const name = this.nameOf(place.address);
    const messages = { state: eventMessage(title, payload), removed: removedMessage() };
    const tags = [{ name: 'state' }];
    this.channels[name] = { address: place.address, title, ...this.placed(place), messages, tags };
    this.operate(name, 'send', 'events', Object.keys(messages), 'Clients that subscribe get these.', channel);
  }

  private messagesToRead(channel: TopicChannel, name: string): Record<string, Message> {
    const { documentation, rule, hasSnapshots } = channel;
    const { types = {}, snapshot } = documentation;
    const payload = this.payloadOf(channel, name);
    const typed = Object.entries(types).map(([type, schema]): [string, Message] => {
      const message = eventMessage(type, this.schemas.of(schema, `${name}.${type}`), type);
      return [`event.${type.replace(/[^\w.-]/g, '_')}`, message];
    });
    const isUntyped = typed.length === 0 || documentation.payload !== undefined;
    return {
      ...(isUntyped && { event: eventMessage('event', payload) }),
      ...(Object.fromEntries(typed) as Record<string, Message>),
      ...((rule?.state || rule?.finite) && { removed: removedMessage() }),
      ...(rule?.finite && { ended: endedMessage() }),
      ...(hasSnapshots && {
        snapshot: eventMessage('snapshot', this.schemas.of(snapshot, `${name}.snapshot`)),
      }),
    };
  }

  /** What events carry: as it is documented, or else as clients publish it. */
  private payloadOf({ documentation, publishing }: TopicChannel, name: string): JsonSchema {
    if (documentation.payload !== undefined) return this.schemas.of(documentation.payload, `${name}.event`);
    const asPublished = publishing.filter(({ policy }) => !policy.transform).map(({ payload }) => payload);
    const isKnown =
      publishing.length > 0 && asPublished.length === publishing.length && !asPublished.includes(undefined);
    if (!isKnown) return {};
    const schemas = [...new Set<DocumentedSchema>(asPublished as DocumentedSchema[])].map((schema) =>
      this.schemas.of(schema, `${name}.publish`),
    );
    return schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
  }

  private operate(
    name: string,
    action: 'send' | 'receive',
    verb: string,
    messages: readonly string[],
    summary: string,
    channel?: TopicChannel,
  ): void {
    if (messages.length === 0) return;
    const { security, reply } = this.surroundings;
    const at = `#/channels/${name}`;
    const isOpen = channel?.readers === 'public' && verb === 'events';
    this.operations[`${name}.${verb}`] = {
      action,
      channel: { $ref: at },
      title: `${name}: ${verb}`,
      summary,
      ...(!isOpen && security.length > 0 && { security }),
      messages: messages.map((message) => ({ $ref: `${at}/messages/${message}` })),
      ...(verb === 'publish' && reply && { reply }),
    };
  }

  private nameOf(address: string): string {
    const base = channelNameOf(address);
    let name = base;
    const isTaken = () => Object.hasOwn(this.channels, name) || this.surroundings.taken.includes(name);
    for (let n = 2; isTaken(); n++) name = `${base}_${n}`;
    return name;
  }

  private placed({ parameters }: ChannelAddress): Fields {
    return {
      servers: this.surroundings.servers,
      ...(Object.keys(parameters).length > 0 && { parameters }),
    };
  }
}

/** The place of an event in the log, and its topic: on SSE the lines `id:` and `event:`, in messages fields beside the data. */
const place = { topic, id: eventId };

function eventMessage(name: string, payload: JsonSchema, type?: string): Message {
  const typed: Record<string, JsonSchema> =
    type === undefined ? {} : { type: { type: 'string', const: type } };
  return { name, title: name, headers: object(typed, place), payload };
}

function publication(payload: JsonSchema): Message {
  const messageId = {
    type: 'string',
    maxLength: 128,
    description: 'Publishing the same id again stores nothing.',
  };
  const tag = { type: 'string', maxLength: 128, description: 'It comes back with the event.' };
  return {
    name: 'publish',
    title: 'publish',
    headers: object({ topic }, { type: { type: 'string' }, messageId, tag }),
    payload,
  };
}

function presenceMessage(payload: JsonSchema): Message {
  return { name: 'presence', title: 'presence', headers: object({ topic }), payload };
}

function removedMessage(): Message {
  const summary = 'What there was of the topic was removed.';
  return {
    name: 'removed',
    title: 'removed',
    summary,
    headers: object({}, { id: eventId }),
    payload: object({ topic }),
  };
}

function endedMessage(): Message {
  const summary = 'The topic has ended: nothing follows.';
  const payload = object({ topic, reason: { type: 'string' } });
  return { name: 'ended', title: 'ended', summary, headers: object({}, { id: eventId }), payload };
}

function tagsOf({ rule, hasSnapshots }: TopicChannel): Fields {
  const { state, finite, presence } = rule ?? {};
  const all = { state, finite, presence, snapshot: hasSnapshots };
  const tags = Object.entries(all).flatMap(([name, holds]) => (holds ? [{ name }] : []));
  return tags.length > 0 ? { tags } : {};
}

/** What a client of push has to know of the topics, and AsyncAPI has no word for. */
function factsOf({ pattern, readers, rule, hasSnapshots }: TopicChannel): Fields {
  const { state, finite, presence, retention, ttl } = rule ?? {};
  const facts = {
    pattern,
    access: readers ?? 'none',
    state,
    finite,
    presence: presence && true,
    snapshot: hasSnapshots || undefined,
    retention,
    ttl,
  };
  const isFinite = (value: unknown) => value !== Infinity;
  const told = (value: unknown) =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined && isFinite(each)))
      : value;
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => value !== undefined && value !== false && isFinite(value))
      .map(([key, value]) => [key, told(value)]),
  );
}
