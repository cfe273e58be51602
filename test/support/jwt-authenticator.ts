import { Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';

/** The key of the tokens. */
export const secret = 'a secret of these tests only, 32 bytes or more';

/** Everybody reads `public.>`, users read `members.>`. */
export const topics = [
  { pattern: 'public.>', access: 'public' },
  { pattern: 'members.>', access: 'authenticated' },
] as const;

/** What the tokens of these tests say. */
export interface Claims {
  readonly sub: string;
  readonly exp?: number;
  readonly roles?: readonly string[];
}

/** The recipe of docs/access.md: a bearer token, or one in a cookie or a message. */
@Injectable()
export class JwtAuthenticator extends Authenticator {
  constructor(private readonly jwt: JwtService) {
    super();
  }

  async authenticate({ token, cookies }: Handshake): Promise<Principal | undefined> {
    const jwt = token ?? cookies['session'];
    if (!jwt) return undefined;
    try {
      const { sub, exp, roles = [] } = await this.jwt.verifyAsync<Claims>(jwt);
      return { id: sub, roles, ...(exp && { expiresAt: exp * 1000 }) };
    } catch {
      throw new UnauthorizedException('The token is not valid.');
    }
  }
}
