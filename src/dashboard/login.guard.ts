import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { Login } from './login.js';

/** Of the response of the adapter: what the guard uses. */
interface Reply {
  header(name: string, value: string): unknown;
}

/** Lets those in that have the login of the dashboard. Browsers ask for it. */
@Injectable()
export class LoginGuard implements CanActivate {
  constructor(private readonly login: Login) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    if (this.login.isIn(http.getRequest<IncomingMessage>().headers.authorization)) return true;
    http.getResponse<Reply>().header('WWW-Authenticate', 'Basic realm="Push dashboard", charset="UTF-8"');
    throw new UnauthorizedException(
      'The login of the dashboard is in the terminal that the desk was started in.',
    );
  }
}
