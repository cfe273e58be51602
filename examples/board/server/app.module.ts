import { Module, type DynamicModule } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { PushModule, type PushOptions } from 'nestjs-push';
import { randomBytes } from 'node:crypto';
import { BoardController } from './board.controller.js';
import { FeedPolicy, NotesPolicy } from './board.policies.js';
import { Exporter } from './exporter.js';
import { LoginController } from './login.controller.js';
import { schemas } from './topics.js';
import { UserAuthenticator } from './user.authenticator.js';

/** Several processes share a secret. One alone makes its own, and pages log in again when it is restarted. */
const secret = () => process.env.SECRET ?? randomBytes(32).toString('hex');

export interface BoardOptions {
  /** How long a token holds, in seconds. Default: 300. */
  readonly tokenLife?: number;
  /** Other options of push: limits, for instance. */
  readonly push?: PushOptions;
}

@Module({})
export class AppModule {
  static with({ tokenLife = 300, push }: BoardOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        JwtModule.register({
          global: true,
          secret: secret(),
          signOptions: { algorithm: 'HS256', expiresIn: tokenLife },
          verifyOptions: { algorithms: ['HS256'] },
        }),
        PushModule.forRoot({
          authenticate: UserAuthenticator,
          // A browser sets no header on a WebSocket: the token is its first message.
          websocket: { firstMessage: true },
          schemas,
          topics: [
            { pattern: 'boards.*', access: 'authenticated', presence: { grace: 2_000 } },
            { pattern: 'boards.*.notes.*', access: 'authenticated', state: true },
            { pattern: 'boards.*.feed', access: 'authenticated', retention: { events: 10_000 } },
            { pattern: 'boards.*.export', access: 'authenticated', state: true },
            { pattern: 'boards.*.exports.*', access: 'authenticated', finite: true },
          ],
          retry: 500,
          ...push,
        }),
      ],
      controllers: [LoginController, BoardController],
      providers: [NotesPolicy, FeedPolicy, Exporter],
    };
  }
}
