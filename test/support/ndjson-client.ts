import type { ServerMessage } from 'nestjs-push';
import type { TransportRequest } from 'nestjs-push/testing';
import { BodyClient, headersOf, queryOf } from './body-client.js';

/** A client of the transport that the documentation shows. */
export class NdjsonClient extends BodyClient {
  protected readonly separator = '\n';

  constructor(url: string, asked: TransportRequest) {
    super(`${url}?${queryOf(asked).toString()}`, { headers: headersOf(asked) });
  }

  protected read(line: string): void {
    this.tell(JSON.parse(line) as ServerMessage);
  }
}
