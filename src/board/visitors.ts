import { Injectable } from '@nestjs/common';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';

/**
 * The desk has no accounts: each window says which visitor it is, and other clients go by their address. Your application will
 * check a token or a cookie.
 */
@Injectable()
export class Visitors extends Authenticator {
  authenticate({ address, query }: Handshake): Principal {
    const visitor = query.get('visitor') ?? '';
    return { id: `visitor ${/^[\w-]{1,64}$/.test(visitor) ? visitor : address}` };
  }
}
