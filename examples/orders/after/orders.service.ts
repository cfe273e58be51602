import { Injectable } from '@nestjs/common';
import { EventBus, topic } from 'nestjs-push';
import type { Status } from './order.js';

@Injectable()
export class OrdersService {
  constructor(private readonly events: EventBus) {}

  async set(id: string, status: Status): Promise<void> {
    // The database comes first.
    await this.events.publish(topic<'orders.*'>`orders.${id}`, { status });
  }
}
