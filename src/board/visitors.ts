import { Injectable } from '@nestjs/common';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';

/** The desk has no accounts, so it identifies visitors by address. Your application will check a token or a cookie. */
@Injectable()
export class Visitors extends Authenticator {
  authenticate({ address }: Handshake): Principal {
    return { id: `visitor ${address}` };
  }
}
