import { Module } from '@nestjs/common';
import { PushDashboardModule } from 'nestjs-push/dashboard';
import { LoginGuard } from './login.guard.js';
import { LoginModule } from './login.module.js';

/** What the push layer does, for those who have the login. */
@Module({
  imports: [LoginModule, PushDashboardModule.forRoot({ guard: LoginGuard, imports: [LoginModule] })],
})
export class DashboardModule {}
