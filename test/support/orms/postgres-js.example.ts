import { Injectable } from '@nestjs/common';
import { PushOutbox } from 'nestjs-push/outbox';
import type { Sql } from 'postgres';

@Injectable()
export class Orders {
  constructor(
    private readonly sql: Sql,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.sql.begin(async (sql) => {
      await sql`UPDATE orders SET status = 'paid' WHERE id = ${id}`;
      await this.outbox.publish(sql, `orders.${id}`, { status: 'paid' });
    });
  }
}
