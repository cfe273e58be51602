import { Module } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { NameAuthenticator } from './name.authenticator.js';
import { RoomsPolicy } from './rooms.policy.js';

@Module({
  imports: [PushModule.forRoot({ authenticate: NameAuthenticator, websocket: { firstMessage: true } })],
  providers: [RoomsPolicy],
})
export class AppModule {}
