import { Module } from '@nestjs/common';
import { BoardPolicy } from './board.policy.js';

@Module({ providers: [BoardPolicy] })
export class BoardModule {}
