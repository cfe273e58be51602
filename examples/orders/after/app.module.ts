import { Module } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';

@Module({
  imports: [PushModule.forRoot({ topics: [{ pattern: 'orders.*', access: 'public' }] })],
  controllers: [OrdersController],
  providers: [OrdersService],
})
export class AppModule {}
