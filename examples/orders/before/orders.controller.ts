import { Body, Controller, Param, Put } from '@nestjs/common';
import type { Status } from './order.js';
import { OrdersService } from './orders.service.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Put(':id')
  async set(@Param('id') id: string, @Body() { status }: { status: Status }): Promise<void> {
    await this.orders.set(id, status);
  }
}
