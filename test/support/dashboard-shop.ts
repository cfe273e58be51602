import { Injectable, UnauthorizedException } from '@nestjs/common';
import { Authenticator, PushModule, PushSnapshot, type Handshake, type Principal } from 'nestjs-push';
import { PushDashboardModule } from 'nestjs-push/dashboard';
import { startApp, type RunningApp } from './start-app.js';
import { openWs, type WsClient } from './ws-client.js';

/** Clients go by the name that they give. */
@Injectable()
class Names extends Authenticator {
  authenticate({ query }: Handshake): Principal {
    const id = query.get('name');
    if (!id) throw new UnauthorizedException('Give a name.');
    return { id };
  }
}

@Injectable()
class Orders {
  @PushSnapshot('orders.:id')
  one() {
    return { status: 'open' };
  }
}

const day = 86_400_000;

/** A shop with a dashboard that anybody may open. */
export function startShop(): Promise<RunningApp> {
  return startApp('fastify', {
    imports: [
      PushModule.forRoot({
        authenticate: Names,
        onError: () => undefined,
        retry: 500,
        topics: [
          { pattern: 'orders.>', access: 'public', retention: { events: 100, age: day }, presence: true },
          { pattern: 'prices.*', access: 'public', state: true },
        ],
      }),
      PushDashboardModule.forRoot(),
    ],
    providers: [Orders],
  });
}

/** The address of its dashboard: `fragment` says which section. */
export const dashboardOf = (app: RunningApp, fragment = '') => app.url(`/push/dashboard/${fragment}`);

/** A WebSocket client that reads topics. */
export async function reader(app: RunningApp, name: string, ...topics: string[]): Promise<WsClient> {
  const client = await openWs(`${app.webSocketUrl()}?name=${encodeURIComponent(name)}`);
  await client.subscribe(topics);
  return client;
}
