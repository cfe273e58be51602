import type { AsyncApiDocument, AsyncApiOptions } from './asyncapi.options.js';
import { PayloadSchemas } from './schema/payload-schemas.js';
import { withSharedSchemas } from './shared-schemas.js';
import { topicChannels, type Declarations } from './topic-channels.js';
import { TopicSection } from './topic-section.js';
import {
  protocolComponents,
  publishReply,
  serversOf,
  transportSection,
  type Doors,
} from './transport-section.js';

/** What an application declares, and where its doors are. */
export interface Described extends Declarations, Pick<Doors, 'path' | 'websocket' | 'http'> {
  /** Clients are authenticated. */
  readonly authenticates: boolean;
}

const knownSchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'The header `Authorization: Bearer`, where a client can set one.',
  },
  ticket: {
    type: 'httpApiKey',
    in: 'query',
    name: 'ticket',
    description: 'A one-time ticket, which the application issues: for browsers, which cannot set headers.',
  },
};

/** The AsyncAPI 3.0 document of an application. The same declarations make the same document. */
export function documentOf(described: Described, options: AsyncApiOptions): AsyncApiDocument {
  const { title, version, description, url, customize = (each) => each } = options;
  const schemes = options.security ?? (described.authenticates ? knownSchemes : {});
  const security = Object.keys(schemes).map((name) => ({ $ref: `#/components/securitySchemes/${name}` }));
  const doors: Doors = { ...described, url, security };
  const servers = serversOf(doors);
  const transports = transportSection(doors);
  const schemas = new PayloadSchemas();
  const topics = new TopicSection(schemas, {
    servers: Object.keys(servers).map((name) => ({ $ref: `#/servers/${name}` })),
    security,
    reply: publishReply(doors),
    taken: Object.keys(transports.channels),
  });
  for (const channel of topicChannels(described)) topics.add(channel);
  const document: AsyncApiDocument = {
    asyncapi: '3.0.0',
    info: { title, version, ...(description !== undefined && { description }) },
    defaultContentType: 'application/json',
    ...(Object.keys(servers).length > 0 && { servers }),
    channels: { ...topics.channels, ...transports.channels },
    operations: { ...topics.operations, ...transports.operations },
    components: {
      messages: protocolComponents(doors),
      schemas: schemas.components,
      ...(security.length > 0 && { securitySchemes: schemes }),
    },
  };
  return customize(withSharedSchemas(document));
}
