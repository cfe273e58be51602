import { Injectable } from '@nestjs/common';
import { PushOutbox } from 'nestjs-push/outbox';
import { DataSource } from 'typeorm';
import { Order } from './typeorm.entity.js';

@Injectable()
export class Orders {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.update(Order, id, { status: 'paid' });
      await this.outbox.publish(manager, `orders.${id}`, { status: 'paid' });
    });
  }
}
