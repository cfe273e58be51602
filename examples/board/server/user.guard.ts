import { createParamDecorator, Injectable, UnauthorizedException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { IncomingMessage } from 'node:http';
import type { Claims } from './user.authenticator.js';

type UserRequest = IncomingMessage & { user?: Claims };

/** The same tokens for the routes of the application. */
@Injectable()
export class UserGuard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<UserRequest>();
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    try {
      request.user = await this.jwt.verifyAsync<Claims>(token);
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  }
}

/** The name of the user. */
export const UserName = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<UserRequest>().user!.sub,
);
