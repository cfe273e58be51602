/** The test of a generated application, for Jest and for Vitest: an event over a real socket, by a route and to the client. */
export const spec = `import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { connect } from 'nestjs-push-client';
import { AppModule } from './app.module.js';

describe('an order that is shipped', () => {
  let app: INestApplication;
  let url: string;

  beforeEach(async () => {
    const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = testing.createNestApplication();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterEach(() => app.close());

  const ship = () => fetch(\`\${url}/orders/42/ship\`, { method: 'POST' });

  it('is told to those who read the route', async () => {
    const { body } = await fetch(\`\${url}/orders/42/events\`);
    await ship();
    let read = '';
    for await (const bytes of body!) {
      read += Buffer.from(bytes).toString();
      if (read.includes('shipped')) break;
    }
    expect(read).toContain('"status":"shipped"');
  });

  it('is told to clients over WebSocket', async () => {
    const push = connect(\`\${url}/push\`, { transports: ['websocket'] });
    let stop: ReturnType<typeof push.on> | undefined;
    const received = new Promise((resolve) => (stop = push.on('orders.*', resolve)));
    await stop!.live;
    await ship();
    expect(await received).toEqual({ status: 'shipped' });
    push.close();
  });
});
`;
