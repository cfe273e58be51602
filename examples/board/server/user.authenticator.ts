import { Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';

/** What the tokens say. `exp` is in seconds since 1970. */
export interface Claims {
  readonly sub: string;
  readonly exp: number;
}

/** Says whose token a client of push brings, and until when it holds. */
@Injectable()
export class UserAuthenticator extends Authenticator {
  constructor(private readonly jwt: JwtService) {
    super();
  }

  async authenticate({ token }: Handshake): Promise<Principal | undefined> {
    if (!token) return undefined;
    try {
      const { sub, exp } = await this.jwt.verifyAsync<Claims>(token);
      return { id: sub, expiresAt: exp * 1_000 };
    } catch {
      throw new UnauthorizedException('The token is not valid.');
    }
  }
}
