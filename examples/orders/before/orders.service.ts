import { Injectable } from '@nestjs/common';
import type { Status } from './order.js';
import { OrdersGateway } from './orders.gateway.js';

@Injectable()
export class OrdersService {
  constructor(private readonly gateway: OrdersGateway) {}

  async set(id: string, status: Status): Promise<void> {
    // The database comes first.
    await Promise.resolve();
    this.gateway.tell(id, status);
  }
}
