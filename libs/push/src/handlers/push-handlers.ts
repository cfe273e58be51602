import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { ErrorReporter } from '../bus/error-reporter.js';
import { within } from '../contracts/backoff.js';
import { PushError } from '../contracts/errors.js';
import { Hub } from '../hub/hub.js';
import { EventHandlers } from '../platform/event-handlers.js';
import { NodeLease } from '../state/node-lease.js';
import type { OwnedWriter } from '../state/owned-writer.js';
import type { GroupTable } from './group-table.js';
import { GroupWork } from './group-work.js';
import { GroupsNode } from './groups-node.js';
import { HandlerEnvironment } from './handler-environment.js';
import { handlerMethods, type HandlerMethod } from './handler-methods.js';
import type { GroupReading, HandlerCounts } from './handler-readings.js';
import { NodeHandler } from './node-handler.js';
import { OwnGroup, type GroupContext } from './own-group.js';
import { Slots } from './slots.js';

/** How many events of a group a node handles at once. */
const concurrency = 32;

/** How long the start of the application waits for the log, in milliseconds, so that groups begin there. */
const patience = 5_000;

/** Calls the `@OnPush()` methods of the application. */
@Injectable()
export class PushHandlers implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private methods: readonly HandlerMethod[] = [];
  private readonly nodeHandlers: NodeHandler[] = [];
  private readonly groups: GroupsNode | undefined;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(NodeLease) private readonly lease: NodeLease,
    @Inject(EventHandlers) private readonly enhanced: EventHandlers,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(HandlerEnvironment) private readonly environment: HandlerEnvironment,
  ) {
    if (!environment.usesGroups) return;
    this.groups = new GroupsNode(lease.writer);
    lease.hold(this.groups);
  }

  /** Writes what nodes own. @internal */
  get writer(): OwnedWriter {
    return this.lease.writer;
  }

  /** What the methods of this node have done. @internal */
  get counts(): ReadonlySet<HandlerCounts> {
    return new Set(this.methods.map(({ counts }) => counts));
  }

  /** What this node has in its groups. @internal */
  get readings(): readonly GroupReading[] {
    return this.groups?.readings ?? [];
  }

  /**
   * What the log says of a group now. @internal
   *
   * @throws PushError (the promise rejects) `INVALID_OPTION` without groups; `UNAVAILABLE`
   */
  async table(group: string): Promise<GroupTable> {
    if (!this.groups)
      throw new PushError(
        'INVALID_OPTION',
        'This process has no groups of handlers. Set groups: true for PushModule to read those of others.',
      );
    await this.lease.caughtUp();
    return this.groups.table(group);
  }

  onModuleInit(): void {
    this.methods = handlerMethods(this.environment.modules, this.enhanced);
    const inGroup = this.methods.find(({ declared }) => declared.group !== undefined);
    if (inGroup && !this.groups)
      throw new PushError(
        'INVALID_OPTION',
        `${inGroup.name}() belongs to a group, and groups is false. Leave that option out.`,
      );
  }

  /** Whether no method runs, and this node's part of the groups has everything that was published. @internal */
  get isSettled(): boolean {
    return this.nodeHandlers.every(({ isIdle }) => isIdle) && (this.groups?.isSettled ?? true);
  }

  /** All providers are ready. A group that is new begins here. */
  async onApplicationBootstrap(): Promise<void> {
    for (const method of this.methods.filter(({ declared }) => declared.group === undefined)) {
      const handler = new NodeHandler(this.hub, method, this.report);
      handler.start();
      this.nodeHandlers.push(handler);
    }
    const names = new Set(this.methods.flatMap(({ declared }) => declared.group ?? []));
    if (names.size === 0) return;
    const open = new Promise<void>((resolve) => this.hub.whenOpen(resolve));
    await within(patience, open, () => undefined).catch(() => undefined);
    for (const name of names) this.join(name);
  }

  /** Handlers finish what they do, and begin nothing more. */
  async beforeApplicationShutdown(): Promise<void> {
    const all = [...this.nodeHandlers.map((handler) => handler.stop()), this.groups?.drain()];
    const abort = () => {
      this.nodeHandlers.forEach((handler) => handler.abort());
      this.groups?.abort();
    };
    await within(this.environment.shutdownTimeout, Promise.all(all), abort).catch(() => undefined);
  }

  private join(name: string): void {
    const methods = this.methods.filter(({ declared }) => declared.group === name);
    const { hub, lease, report } = this;
    const { clock } = lease;
    const tracer = () => hub.tracer;
    const context: GroupContext = { slots: new Slots(concurrency), clock, report, tracer, hub, lease };
    const work = new GroupWork(name, methods, lease.writer, context);
    this.groups!.join(name, (table) => new OwnGroup(name, work, context, table));
  }

  private readonly report = (error: unknown): void => this.errors.report(error, { stage: 'handler' });
}
