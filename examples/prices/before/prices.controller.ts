import { Body, Controller, Param, Put, Sse, type MessageEvent } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { PricesService } from './prices.service.js';

@Controller('prices')
export class PricesController {
  constructor(private readonly prices: PricesService) {}

  @Put(':symbol')
  set(@Param('symbol') symbol: string, @Body() { price }: { price: number }): void {
    this.prices.set(symbol, price);
  }

  @Sse()
  watch(): Observable<MessageEvent> {
    return this.prices.changes.pipe(map((data) => ({ data })));
  }
}
