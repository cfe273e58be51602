import { Injectable } from '@nestjs/common';
import { PushOutbox } from 'nestjs-push/outbox';
import { Pool } from 'pg';

@Injectable()
export class Orders {
  constructor(
    private readonly pool: Pool,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`UPDATE orders SET status = 'paid' WHERE id = $1`, [id]);
      await this.outbox.publish(client, `orders.${id}`, { status: 'paid' });
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}
