import { Injectable } from '@nestjs/common';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';
import { userOf } from './users.js';

@Injectable()
export class NameAuthenticator extends Authenticator {
  authenticate({ token }: Handshake): Principal | undefined {
    const user = userOf(token);
    return user === undefined ? undefined : { id: user };
  }
}
