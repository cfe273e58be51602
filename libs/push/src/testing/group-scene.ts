import { Injectable, Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import { EventBus } from '../bus/event-bus.js';
import type { Backplane } from '../contracts/backplane.js';
import type { GapNotice } from '../contracts/connection.js';
import { OnPush, type OnPushEvent, type OnPushOptions } from '../handlers/on-push.decorator.js';
import { PushDeadLetters } from '../handlers/push-dead-letters.js';
import { PushModule } from '../push.module.js';
import type { PushOptions } from '../push.options.js';
import type { LogUnderTest } from './backplane.contract.js';

/** How long a test waits for what should come, in milliseconds. A node that is gone is missed after ten seconds. */
const patience = 60_000;

/** The group of all nodes of a scene that handle orders. */
export const group = 'billing';

/** What a node of a scene does. */
export interface SceneOptions {
  /** Handles the events of `orders.*`, in the group. Default: the node has no handler. */
  readonly handle?: (event: OnPushEvent) => unknown;
  /** Is told of gaps. Default: nobody. */
  readonly gap?: (notice: GapNotice) => unknown;
  /** How the handler is declared, besides its group. */
  readonly declared?: OnPushOptions;
  readonly push?: PushOptions;
}

/** A node of an application, without a server. */
export class SceneNode {
  constructor(
    private readonly app: INestApplicationContext,
    readonly backplane: Backplane,
    /** The messages of the errors that were reported. */
    readonly errors: readonly string[],
  ) {}

  get bus(): EventBus {
    return this.app.get(EventBus);
  }

  get letters(): PushDeadLetters {
    return this.app.get(PushDeadLetters);
  }

  /** Shuts the node down. */
  close(): Promise<void> {
    return this.app.close();
  }
}

/** Nodes that share a log, and what they leave behind. */
export class GroupScene {
  private readonly nodes = new Set<SceneNode>();

  constructor(private readonly log: LogUnderTest) {}

  /** Starts one more node, and waits until it has its log. */
  async node({ handle, gap, declared, push }: SceneOptions = {}): Promise<SceneNode> {
    const backplane = this.log.node();
    const errors: string[] = [];
    const onError = (error: unknown) => void errors.push((error as Error).message);
    const options = { ...push, backplane, onError, groups: true };
    @Module({
      imports: [PushModule.forRoot({ ...options, transports: [] })],
      providers: handle ? [billingOf(handle, gap, declared)] : [],
    })
    class Node {}
    const app = await NestFactory.createApplicationContext(Node, { logger: false, abortOnError: false });
    const node = new SceneNode(app, backplane, errors);
    this.nodes.add(node);
    await eventually(async () => (await node.bus.health()).ready);
    return node;
  }

  async close(): Promise<void> {
    await Promise.all([...this.nodes].map((node) => node.close()));
    await this.log.dispose?.();
  }
}

function billingOf(
  handle: (event: OnPushEvent) => unknown,
  gap: SceneOptions['gap'],
  declared: OnPushOptions | undefined,
): Type {
  @Injectable()
  class Billing {
    @OnPush('orders.*', { group, retryDelay: 1, ...(gap && { onGap: 'missed' }), ...declared })
    bill(event: OnPushEvent): unknown {
      return handle(event);
    }

    missed(notice: GapNotice): unknown {
      return gap?.(notice);
    }
  }
  return Billing;
}

/** Resolves as soon as `holds`. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited ${patience} ms for ${holds.toString()}.`);
    await delay(5);
  }
}
