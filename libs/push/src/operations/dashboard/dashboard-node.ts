import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { TokenBucket } from '../../access/token-bucket.js';
import { ControlMessages } from '../../bus/control-messages.js';
import { ErrorReporter } from '../../bus/error-reporter.js';
import { EventBus } from '../../bus/event-bus.js';
import { Clients } from '../../clients/clients.js';
import { PushLifecycle } from '../../clients/lifecycle.js';
import { Readings } from '../../clients/readings.js';
import { PushError } from '../../contracts/errors.js';
import { LogEvent } from '../../contracts/event.js';
import { viewTopicOf } from '../../contracts/reserved.js';
import { pushSettings } from '../../contracts/settings.js';
import { isReserved } from '../../contracts/topic.js';
import type { TopicRule } from '../../hub/topic-rules.js';
import type { RawResponse } from '../../platform/raw-response.js';
import type { EventStream } from '../../bus/event-stream.js';
import type { TestEvent } from './test-event.js';
import type { Look } from './look.js';
import { NodeState } from './node-state.js';
import { TimeShare } from './time-share.js';
import { ViewAnswers, type NodeSources } from './view-answers.js';
import { readViewMessage, writeViewMessage, type ViewMessage } from './view-messages.js';
import { Views } from './views.js';

/** How often a view is told what there is, in milliseconds. */
const interval = 2_000;

/** How many views of all nodes this one answers at a time. */
const mostAnswered = 64;

/** How often pages may turn to something else, on one node: each turn is told to all nodes. */
const turns = { perSecond: 10, burst: 50 };

/**
 * The part of the dashboard that each node has: it notes the node's figures, holds the streams of views that come to it, and answers
 * the views of all nodes. While no page is open, it does nothing but note the figures.
 */
@Injectable()
export class DashboardNode implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger('Push');
  private readonly answers = new Map<string, ViewAnswers>();
  private readonly turns = new TokenBucket(turns);
  private sources!: NodeSources;
  private readings!: Readings;
  private views!: Views;
  private timer: NodeJS.Timeout | undefined;
  private unlisten: () => void = () => undefined;

  constructor(@Inject(ModuleRef) private readonly modules: ModuleRef) {}

  onModuleInit(): void {
    // PushModule need not be global.
    const get = <T>(type: abstract new (...args: never[]) => T): T =>
      this.modules.get(type, { strict: false });
    const { topics: rules } = this.modules.get<{ topics: TopicRule[] }>(pushSettings, { strict: false });
    this.readings = get(Readings);
    const { hub } = this.readings;
    const errors = get(ErrorReporter);
    const clients = get(Clients);
    const state = new NodeState(this.readings, get(PushLifecycle));
    this.sources = {
      state,
      hub,
      clients,
      rules,
      bus: get(EventBus),
      share: new TimeShare(),
      report: (error) => errors.report(error, { stage: 'control' }),
      sendHere: (view, type, data) =>
        hub.deliverEphemeral(
          new LogEvent(hub.head?.epoch ?? '', 0, { topic: viewTopicOf(view), type, data }),
        ),
      sendToAll: (view, type, data) => this.sendToAll(view, type, data),
    };
    this.views = new Views(state.id, (message) => this.tell(message));
    clients.listen(this.views);
    this.unlisten = get(ControlMessages).listen((text) => {
      const message = readViewMessage(text);
      if (message && message.node !== state.id) this.take(message);
    });
    state.start();
  }

  /** The streams are still open: the pages learn that this node is being closed, and has not crashed. */
  onModuleDestroy(): void {
    this.sources.state.leave();
    this.tick();
  }

  onApplicationShutdown(): void {
    this.unlisten();
    clearInterval(this.timer);
    this.views.stop();
    for (const each of this.answers.values()) each.stop();
    this.sources.state.stop();
  }

  /**
   * The stream of a view, which this node holds for as long as the response is open.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  stream(view: string, response: RawResponse): EventStream {
    this.views.admit(view, response);
    // By being present in its topic, its client says when it reads.
    return this.sources.bus.stream(viewTopicOf(view), { presence: true });
  }

  /**
   * A view looks at this from now on, on whichever node its stream is.
   *
   * @throws PushError (the promise rejects) `LIMIT_EXCEEDED` if that is too often; `UNAVAILABLE` if that is not this node, and the others cannot be told
   */
  async look(view: string, look: Look): Promise<void> {
    if (!this.turns.take())
      throw new PushError('LIMIT_EXCEEDED', 'The pages turn to something else too often. Wait a second.');
    const message = { kind: 'look', view, node: this.sources.state.id, look } as const;
    if (!this.views.turn(view, look)) await this.readings.backplane.control(writeViewMessage(message));
  }

  /**
   * Publishes as the application does. Returns the id of the event.
   *
   * @throws PushError (the promise rejects) `FORBIDDEN` for a reserved topic; as `EventBus.publish`
   */
  async publish({ topic, data, type }: TestEvent): Promise<string> {
    if (isReserved(topic))
      throw new PushError('FORBIDDEN', 'Topics that begin with "$" are for the nodes. Choose another one.');
    const id = await this.sources.bus.publish(topic, data, { type });
    this.logger.log(`Published to ${topic} from the dashboard: ${id}`);
    return id;
  }

  /** Tells this node, and the others if they can be told: those that cannot are asked again in a few seconds. */
  private tell(message: ViewMessage): void {
    this.take(message);
    this.readings.backplane.control(writeViewMessage(message)).catch(() => undefined);
  }

  private take(message: ViewMessage): void {
    const { kind, view, node } = message;
    if (kind === 'look') this.views.turn(view, message.look);
    else if (kind === 'leave') this.answers.get(view)?.release(node);
    else this.answersOf(view)?.renew(node, message.look, message.isNew);
  }

  private answersOf(view: string): ViewAnswers | undefined {
    const known = this.answers.get(view);
    if (known || this.answers.size >= mostAnswered) return known;
    const answers = new ViewAnswers(view, this.sources);
    this.answers.set(view, answers);
    this.timer ??= setInterval(() => this.tick(), interval).unref();
    // It has to know what it looks at first.
    setImmediate(() => answers.isOver || answers.tick(this.sources.state.read()));
    return answers;
  }

  private tick(): void {
    for (const [view, answers] of this.answers) {
      if (!answers.isOver) continue;
      answers.stop();
      this.answers.delete(view);
    }
    if (this.answers.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    const report = this.sources.state.read();
    for (const answers of this.answers.values()) answers.tick(report);
  }

  /** Another report follows: one that does not arrive is not sent again. */
  private sendToAll(view: string, type: string, data: string): void {
    this.readings.backplane.sendEphemeral({ topic: viewTopicOf(view), type, data }).catch(() => undefined);
  }
}
