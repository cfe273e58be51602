import { Module } from '@nestjs/common';
import { DeskPolicy } from './desk.policy.js';

@Module({ providers: [DeskPolicy] })
export class DeskModule {}
