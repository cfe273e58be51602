import { Injectable } from '@nestjs/common';
import type { Knex } from 'knex';
import { PushOutbox } from 'nestjs-push/outbox';

@Injectable()
export class Orders {
  constructor(
    private readonly knex: Knex,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.knex.transaction(async (trx) => {
      await trx('orders').where({ id }).update({ status: 'paid' });
      await this.outbox.publish(trx, `orders.${id}`, { status: 'paid' });
    });
  }
}
