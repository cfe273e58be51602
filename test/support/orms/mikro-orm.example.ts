import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { PushOutbox } from 'nestjs-push/outbox';
import { Order } from './mikro-orm.entity.js';

@Injectable()
export class Orders {
  constructor(
    private readonly em: EntityManager,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.em.transactional(async (em) => {
      const order = await em.findOneOrFail(Order, id);
      order.status = 'paid';
      await this.outbox.publish(em, `orders.${id}`, { status: 'paid' });
    });
  }
}
