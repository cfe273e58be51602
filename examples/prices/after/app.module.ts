import { Module } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { PricesController } from './prices.controller.js';
import { PricesService } from './prices.service.js';

@Module({
  imports: [PushModule.forRoot()],
  controllers: [PricesController],
  providers: [PricesService],
})
export class AppModule {}
