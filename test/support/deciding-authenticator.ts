import { Injectable } from '@nestjs/common';
import { Authenticator, type Handshake, type AuthenticationResult } from 'nestjs-push';

/** An authenticator that does what the test says, in the place of a token. */
export function authenticator(
  decide: (handshake: Handshake) => AuthenticationResult | Promise<AuthenticationResult>,
) {
  @Injectable()
  class TestAuthenticator extends Authenticator {
    authenticate(handshake: Handshake) {
      return decide(handshake);
    }
  }
  return TestAuthenticator;
}
