import { Inject, Injectable } from '@nestjs/common';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import type { Limits } from './limits.js';
import { addressGroup } from './trusted-proxies.js';

/** Limits how many connections there are: on this node, and from one address. */
@Injectable()
export class ConnectionLimiter {
  private taken = 0;
  private readonly byAddress = new Map<string, number>();

  private readonly limits: Limits;

  constructor(@Inject(pushSettings) { limits }: { readonly limits: Limits }) {
    this.limits = limits;
  }

  /** How many connections there are, including those that are being authenticated. */
  get connections(): number {
    return this.taken;
  }

  /**
   * Counts a connection. Returns a function that ends that, which is idempotent.
   *
   * @throws PushError `UNAVAILABLE` when the node is full, `LIMIT_EXCEEDED` when the address has too many
   */
  reserve(address: string): () => void {
    const { connections, connectionsPerAddress } = this.limits;
    if (this.taken >= connections)
      throw new PushError('UNAVAILABLE', 'This server has as many connections as it takes. Come back later.');
    const group = addressGroup(address);
    const ofAddress = this.byAddress.get(group) ?? 0;
    if (ofAddress >= connectionsPerAddress)
      throw new PushError('LIMIT_EXCEEDED', 'Too many connections from this address. Close some first.');
    this.taken++;
    this.byAddress.set(group, ofAddress + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.taken--;
      const left = this.byAddress.get(group)! - 1;
      if (left === 0) this.byAddress.delete(group);
      else this.byAddress.set(group, left);
    };
  }
}
