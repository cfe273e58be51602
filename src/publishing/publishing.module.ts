import { Module } from '@nestjs/common';
import { PublishingController } from './publishing.controller.js';

@Module({ controllers: [PublishingController] })
export class PublishingModule {}
