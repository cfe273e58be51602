import { Injectable } from '@nestjs/common';
import { eq } from 'drizzle-orm';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { PushOutbox } from 'nestjs-push/outbox';
import { orders } from './drizzle.schema.js';

@Injectable()
export class Orders {
  constructor(
    private readonly db: NodePgDatabase,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.db.transaction(async (tx) => {
      await tx.update(orders).set({ status: 'paid' }).where(eq(orders.id, id));
      await this.outbox.publish(tx, `orders.${id}`, { status: 'paid' });
    });
  }
}
