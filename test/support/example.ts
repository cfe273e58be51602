import { Logger, type INestApplication } from '@nestjs/common';
import { EventSource } from 'eventsource';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { afterTest } from './cleanup.js';
import { TcpProxy } from './tcp-proxy.js';

/** What a page has, and Node does not have in every version. */
Object.assign(globalThis, { EventSource, WebSocket });

/** An application of `examples/`, with the network between it and its clients. */
export class Example {
  constructor(
    private readonly nest: INestApplication,
    /** Where the network can be cut. */
    readonly network: TcpProxy,
  ) {}

  /** What clients connect to. */
  get url(): string {
    return `http://127.0.0.1:${this.network.port}`;
  }

  /** Past the network that can be cut. */
  get directUrl(): string {
    const { port } = (this.nest.getHttpServer() as Server).address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Sends JSON to a route, past the network that can be cut. */
  async put(path: string, body: object): Promise<void> {
    const answer = await fetch(this.directUrl + path, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }
}

/**
 * Starts an application of `examples/`, and loads its client. It is closed after the test.
 *
 * They are compiled on their own, since they declare topics of their own: so their types are not known here.
 *
 * @param name `prices/before`
 * @typeParam Client what its `client.ts` exports
 */
export async function startExample<Client>(name: string): Promise<{ example: Example; client: Client }> {
  const load = <Exports>(file: string) => import(`../../examples/${name}/${file}.js`) as Promise<Exports>;
  Logger.overrideLogger(false);
  const { createApp } = await load<{ createApp(): Promise<INestApplication> }>('app');
  const client = await load<Client>('client');
  const nest = await createApp();
  afterTest(() => nest.close());
  await nest.listen(0, '127.0.0.1');
  const network = await TcpProxy.start(((nest.getHttpServer() as Server).address() as AddressInfo).port);
  afterTest(() => network.dispose());
  return { example: new Example(nest, network), client };
}
