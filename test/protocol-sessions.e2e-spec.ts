import { Controller, Injectable, Param, Sse, type MessageEvent } from '@nestjs/common';
import {
  Authenticator,
  EventBus,
  PushModule,
  PushTopic,
  topic,
  type Handshake,
  type Principal,
  type TopicPolicy,
} from 'nestjs-push';
import { readFile } from 'node:fs/promises';
import type { Observable } from 'rxjs';
import { RecordedSession } from './support/recorded-session.js';
import { platforms, startApp } from './support/start-app.js';

/** Takes a user's name for a token. */
@Injectable()
class Names extends Authenticator {
  authenticate({ token = 'somebody' }: Handshake): Principal {
    return { id: token };
  }
}

@PushTopic('orders.:id')
class Orders implements TopicPolicy {
  canPublish({ id }: Principal): boolean {
    return id === 'ann';
  }
}

@Controller('orders')
class OrdersController {
  constructor(private readonly events: EventBus) {}

  @Sse(':id/events')
  watch(@Param('id') id: string): Observable<MessageEvent> {
    return this.events.stream(topic`orders.${id}`);
  }
}

const metadata = {
  imports: [PushModule.forRoot({ authenticate: Names, topics: [{ pattern: 'orders.*', access: 'public' }] })],
  controllers: [OrdersController],
  providers: [Orders],
};

/** The sessions of PROTOCOL.md, by the titles before them. */
async function sessions(): Promise<Map<string, string>> {
  const page = await readFile('libs/push/PROTOCOL.md', 'utf8');
  const found = page.matchAll(/^### A session: (.+)$[^`]*(?:`[^`\n]+`[^`]*)*```text\n([\s\S]*?)```/gm);
  return new Map(Array.from(found, ([, title, text]) => [title!, text!]));
}

describe.each(platforms)('A server on %s', (platform) => {
  it.each([
    'a route of the application',
    'the built-in stream',
    'a WebSocket',
    'messages over HTTP',
    'history',
  ])('says in the session of PROTOCOL.md what is written there: %s', async (title) => {
    const session = (await sessions()).get(title);
    expect(session).toBeDefined();
    await new RecordedSession(await startApp(platform, metadata), session!).play();
  });
});
