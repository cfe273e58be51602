import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { PushOutbox } from 'nestjs-push/outbox';

export interface Tables {
  orders: { id: number; status: string };
}

@Injectable()
export class Orders {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      await trx.updateTable('orders').set({ status: 'paid' }).where('id', '=', id).execute();
      await this.outbox.publish(trx, `orders.${id}`, { status: 'paid' });
    });
  }
}
