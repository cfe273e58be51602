import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { PushLifecycle } from '../../clients/lifecycle.js';
import { Backplane } from '../../contracts/backplane.js';

/**
 * The health of this node, for the `HealthCheckService` of `@nestjs/terminus`. Add it to the providers of the module that has
 * your health controller.
 *
 * A balancer needs `isReady`. `isDelivering` is for people and alarms: while a backplane is away, the nodes have to keep their
 * clients, so it must not take a node out of a balancer, nor restart it.
 */
@Injectable()
export class PushHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(PushLifecycle) private readonly lifecycle: PushLifecycle,
    @Inject(Backplane) private readonly backplane: Backplane,
  ) {}

  /**
   * Up if the node takes new clients: it has reached its log once, and does not drain (`PushLifecycle.ready`). It stays up
   * while the backplane is away. If it is down, `reason` says why.
   *
   * @param key the name in the result of the check. Default: `push`
   */
  isReady<const Key extends string = 'push'>(key?: Key): HealthIndicatorResult<Key> {
    const indicator = this.indicators.check(nameOf(key));
    if (this.lifecycle.ready) return indicator.up();
    const reason = this.lifecycle.isDraining
      ? 'The node is draining.'
      : 'The node has not reached its log yet.';
    return indicator.down({ reason });
  }

  /**
   * Up if an event that is published now would be stored and come back to this node: it sends a probe through the log
   * (`EventBus.health()`), which takes a few seconds at most. Calls that overlap share one probe. `detail` names the server
   * and its error, so show the result to people who run the application only.
   *
   * @param key the name in the result of the check. Default: `push`
   */
  async isDelivering<const Key extends string = 'push'>(key?: Key): Promise<HealthIndicatorResult<Key>> {
    const indicator = this.indicators.check(nameOf(key));
    const { ready, detail } = await this.backplane.health();
    return ready ? indicator.up({ detail }) : indicator.down({ detail });
  }
}

function nameOf<Key extends string>(key: Key | undefined): Key {
  return key ?? ('push' as Key);
}
