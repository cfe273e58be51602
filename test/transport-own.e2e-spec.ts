import { describeTransport } from 'nestjs-push/testing';
import { SseMessagesClient, SseTransportClient } from './support/sse-transport-client.js';
import { transportOn } from './support/transport-app.js';
import { WsTransportClient } from './support/ws-transport-client.js';

describeTransport(
  'GET /push/events',
  transportOn('express', (app, asked) => new SseTransportClient(app.url('/push/events'), asked)),
);

describeTransport(
  'POST /push/events',
  transportOn('fastify', (app, asked) => new SseMessagesClient(app.url('/push/events'), asked)),
);

describeTransport(
  'The WebSocket',
  transportOn('express', (app, asked) => new WsTransportClient(app.webSocketUrl(), asked)),
);
