import { Injectable } from '@nestjs/common';
import { EventBus, topic } from 'nestjs-push';

@Injectable()
export class PricesService {
  constructor(private readonly events: EventBus) {}

  async set(symbol: string, price: number): Promise<void> {
    await this.events.publish(topic<'prices.*'>`prices.${symbol}`, { symbol, price });
  }
}
