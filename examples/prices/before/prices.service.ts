import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Price } from './price.js';

@Injectable()
export class PricesService {
  readonly changes = new Subject<Price>();

  set(symbol: string, price: number): void {
    this.changes.next({ symbol, price });
  }
}
