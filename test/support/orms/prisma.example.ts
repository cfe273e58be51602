import { Injectable } from '@nestjs/common';
import { PushOutbox } from 'nestjs-push/outbox';
import { PrismaClient } from './prisma.client.js';

@Injectable()
export class Orders {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly outbox: PushOutbox,
  ) {}

  async pay(id: number): Promise<void> {
    await this.prisma.$transaction(async (tx) => {
      await tx.$executeRaw`UPDATE orders SET status = 'paid' WHERE id = ${id}`;
      await this.outbox.publish(tx, `orders.${id}`, { status: 'paid' });
    });
  }
}
