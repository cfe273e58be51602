import { Body, Controller, Param, Put, Sse } from '@nestjs/common';
import { EventBus } from 'nestjs-push';
import { PricesService } from './prices.service.js';

@Controller('prices')
export class PricesController {
  constructor(
    private readonly prices: PricesService,
    private readonly events: EventBus,
  ) {}

  @Put(':symbol')
  async set(@Param('symbol') symbol: string, @Body() { price }: { price: number }): Promise<void> {
    await this.prices.set(symbol, price);
  }

  @Sse()
  watch() {
    return this.events.stream('prices.*', { wildcards: true });
  }
}
