import { Module } from '@nestjs/common';
import { Login } from './login.js';

@Module({ providers: [Login], exports: [Login] })
export class LoginModule {}
