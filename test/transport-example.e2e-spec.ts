import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { ServerMessage } from 'nestjs-push';
import { describeTransport, TransportClient, type TransportRequest } from 'nestjs-push/testing';
import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { NdjsonModule } from './support/ndjson.js';

class NdjsonClient extends TransportClient {
  private readonly request: ClientRequest;
  private response?: IncomingMessage;

  constructor(url: string, { topics, from, token, headers }: TransportRequest) {
    super();
    const query = new URLSearchParams(topics.map((topic): [string, string] => ['topic', topic]));
    if (from !== undefined) query.set('from', from);
    const authorization = token !== undefined && { authorization: `Bearer ${token}` };
    const options = { agent: false, headers: { ...headers, ...authorization } };
    this.request = get(`${url}?${query.toString()}`, options, (response) => this.receive(response));
    this.request.on('error', () => undefined).on('close', () => this.end());
  }

  pause() {
    this.response?.pause();
  }

  resume() {
    this.response?.resume();
  }

  leave() {
    this.request.destroy();
  }

  vanish() {
    this.request.socket?.resetAndDestroy();
    this.request.destroy();
  }

  private receive(response: IncomingMessage) {
    this.response = response;
    let rest = '';
    response.setEncoding('utf8').on('error', () => undefined);
    response.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.tell(JSON.parse(line) as ServerMessage);
    });
    response.on('end', () => {
      if (response.statusCode !== 200) this.refuse((JSON.parse(rest) as { code: string }).code);
    });
  }
}

describeTransport('The example of the documentation', async ({ imports, providers }) => {
  const testing = await Test.createTestingModule({
    imports: [...imports, NdjsonModule],
    providers,
  }).compile();
  const app: INestApplication = testing.createNestApplication();
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return {
    app,
    connect: (asked) => new NdjsonClient(`http://127.0.0.1:${port}/ndjson`, asked),
    close: () => app.close(),
  };
});
