import type { Provider } from '@nestjs/common';
import {
  PushDeadLetters,
  PushModule,
  type Backplane,
  type ErrorContext,
  type PushOptions,
} from 'nestjs-push';
import { startApp, type RunningApp } from './start-app.js';
import { eventually } from './watched.js';

/** A node of an application with handlers. */
export class GroupNode {
  /** What was reported, as "handler: message". */
  readonly errors: string[] = [];

  private constructor(readonly app: RunningApp) {}

  static async start(
    backplane: Backplane | undefined,
    providers: Provider[],
    options: PushOptions = {},
  ): Promise<GroupNode> {
    const errors: string[] = [];
    const onError = (error: unknown, { stage }: ErrorContext) =>
      void errors.push(`${stage}: ${(error as Error).message}`);
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ backplane, onError, ...options })],
      providers,
    });
    const node = Object.assign(new GroupNode(app), { errors });
    await eventually(async () => (await node.bus.health()).ready);
    return node;
  }

  get bus() {
    return this.app.bus;
  }

  get letters(): PushDeadLetters {
    return this.app.nest.get(PushDeadLetters);
  }
}
