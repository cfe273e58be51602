import type { ConnectOptions } from './connect.options.js';
import { PushError } from './push-error.js';
import type { Destination } from './transports/transport.js';

const sameToken = new Error('The token was refused.');

/** The credentials that the application provides, and the token that the server has refused. */
export class Credentials implements Destination {
  /** The latest token of the application. */
  token: string | undefined;
  /** The client's name across its connections, which the server assigns. */
  client: string | undefined;
  /** The token that the server refused. It is not tried again. */
  refused: string | undefined;

  constructor(
    private readonly url: URL,
    readonly options: ConnectOptions,
  ) {}

  async next(): ReturnType<Destination['next']> {
    const { token, ticket } = this.options;
    const url = new URL(this.url);
    if (this.client) url.searchParams.append('client', this.client);
    try {
      const [own, oneTime] = await Promise.all([token?.(), ticket?.()]);
      if (oneTime) url.searchParams.set('ticket', oneTime);
      else if (own && own === this.refused) throw sameToken;
      this.token = own;
      return { url, token: own };
    } catch (error) {
      throw new PushError('UNAUTHENTICATED', String(error), true);
    }
  }
}
