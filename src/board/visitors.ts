import { Injectable } from '@nestjs/common';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';

/** A desk has no accounts: a visitor is the address that it comes from. Your application will look at a token or a cookie. */
@Injectable()
export class Visitors extends Authenticator {
  authenticate({ address }: Handshake): Principal {
    return { id: `visitor ${address}` };
  }
}
