import {
  Catch,
  Injectable,
  Scope,
  UseFilters,
  UseInterceptors,
  UsePipes,
  createParamDecorator,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { EventBus, OnPush, PushError, type GapNotice, type OnPushEvent } from 'nestjs-push';
import { tap } from 'rxjs';
import { GroupNode } from './support/group-nodes.js';
import { Gate } from './support/run-nodes.js';
import { eventually } from './support/watched.js';

/** What the handlers of a test have got. */
let calls: unknown[] = [];
beforeEach(() => (calls = []));

const start = (...providers: Parameters<typeof GroupNode.start>[1]) => GroupNode.start(undefined, providers);

describe('@OnPush() methods', () => {
  it('are called with each event of their pattern, and its parameters', async () => {
    @Injectable()
    class Orders {
      @OnPush('orders.:id')
      changed({ id, topic, data, params, attempt, type, meta }: OnPushEvent<'orders.:id'>) {
        calls.push({ id, topic, data, order: params.id, attempt, type, meta });
      }
    }
    const { bus, errors } = await start(Orders);
    const id = await bus.publish('orders.42', { status: 'paid' }, { type: 'paid', meta: { by: 'ann' } });
    await bus.publish('orders.42.lines', 1);
    await bus.publish('orders.43', null, { ephemeral: true });
    await eventually(() => calls.length === 2);
    expect(calls).toEqual([
      {
        id,
        topic: 'orders.42',
        data: { status: 'paid' },
        order: '42',
        attempt: 1,
        type: 'paid',
        meta: { by: 'ann' },
      },
      { topic: 'orders.43', data: null, order: '43', attempt: 1 },
    ]);
    expect(errors).toEqual([]);
  });

  it('may have several patterns, and belong to any class that Nest makes', async () => {
    class Base {
      @OnPush('inherited.*')
      inherited({ topic }: OnPushEvent) {
        calls.push(topic);
      }
    }
    @Injectable()
    class Both extends Base {
      constructor(readonly bus: EventBus) {
        super();
      }

      @OnPush('orders.*')
      @OnPush('invoices.>')
      changed({ topic }: OnPushEvent) {
        expect(this.bus).toBeInstanceOf(EventBus);
        calls.push(topic);
      }
    }
    const { bus } = await start(Both);
    for (const topic of ['orders.1', 'invoices.1.2', 'inherited.1', 'others.1']) await bus.publish(topic, 0);
    await eventually(() => calls.length === 3);
    expect(calls).toEqual(['orders.1', 'invoices.1.2', 'inherited.1']);
  });

  it('that fail are reported, and the next event comes', async () => {
    @Injectable()
    class Failing {
      @OnPush('orders.*')
      throws({ data }: OnPushEvent) {
        calls.push(data);
        throw new Error(`thrown ${String(data)}`);
      }

      @OnPush('orders.*')
      async rejects({ data }: OnPushEvent) {
        await Promise.resolve();
        throw new Error(`rejected ${String(data)}`);
      }
    }
    const { bus, errors } = await start(Failing);
    await bus.publish('orders.1', 1);
    await bus.publish('orders.1', 2);
    await eventually(() => errors.length === 4);
    expect(calls).toEqual([1, 2]);
    expect(errors.sort()).toEqual([
      'handler: rejected 1',
      'handler: rejected 2',
      'handler: thrown 1',
      'handler: thrown 2',
    ]);
  });

  it('finish before the application has shut down', async () => {
    const gate = new Gate();
    @Injectable()
    class Slow {
      @OnPush('orders.*')
      async changed({ signal }: OnPushEvent) {
        calls.push('begun');
        await gate.opened;
        calls.push(signal.aborted ? 'aborted' : 'finished');
      }
    }
    const { app, bus } = await start(Slow);
    await bus.publish('orders.1', 1);
    await eventually(() => calls.length === 1);
    const closed = app.nest.close().then(() => calls.push('closed'));
    setImmediate(() => gate.open());
    await closed;
    expect(calls).toEqual(['begun', 'finished', 'closed']);
  });

  it('are told to stop when the shutdown cannot wait for them', async () => {
    @Injectable()
    class Hanging {
      @OnPush('orders.*')
      changed({ signal }: OnPushEvent) {
        calls.push('begun');
        return new Promise(() => signal.addEventListener('abort', () => calls.push('aborted')));
      }
    }
    const { app, bus } = await GroupNode.start(undefined, [Hanging], { shutdownTimeout: 50 });
    await bus.publish('orders.1', 1);
    await eventually(() => calls.length === 1);
    await app.nest.close();
    expect(calls).toEqual(['begun', 'aborted']);
  });

  it('have their own pipes, interceptors and filters, and none of the whole application', async () => {
    @Injectable()
    class Upper implements PipeTransform {
      transform(event: OnPushEvent, { type }: { type: string }) {
        return { ...event, data: `${String(event.data).toUpperCase()} ${type}` };
      }
    }
    @Injectable()
    class Around implements NestInterceptor {
      constructor(readonly bus: EventBus) {}

      intercept(context: ExecutionContext, next: CallHandler) {
        const { topic } = context.getArgByIndex<OnPushEvent>(0);
        calls.push(`${context.getType<string>()} ${topic} ${context.getHandler().name}`);
        expect(this.bus).toBeInstanceOf(EventBus);
        return next.handle().pipe(tap(() => calls.push('after')));
      }
    }
    @Catch(RangeError)
    class Caught implements ExceptionFilter {
      catch(error: RangeError) {
        calls.push(`caught ${error.message}`);
        return 'handled';
      }
    }
    const Data = createParamDecorator(
      (_: unknown, context: ExecutionContext) => context.getArgByIndex<OnPushEvent>(0).data,
    );
    @Injectable()
    @UseInterceptors(Around)
    class Enhanced {
      @OnPush('words.*')
      @UsePipes(Upper)
      piped({ data }: OnPushEvent) {
        calls.push(data);
      }

      @OnPush('errors.*')
      @UseFilters(Caught)
      fails(event: OnPushEvent) {
        throw event.data === 'range' ? new RangeError('out') : new Error('other');
      }

      @OnPush('parts.*')
      parts(@Data() data: OnPushEvent) {
        calls.push(data);
      }
    }
    const ofAll = {
      intercept: () => {
        throw new Error('An interceptor of the whole application was called.');
      },
    };
    const { bus, errors } = await start(Enhanced, { provide: APP_INTERCEPTOR, useValue: ofAll });
    await bus.publish('words.1', 'hello');
    await eventually(() => calls.length === 3);
    expect(calls.splice(0)).toEqual(['push words.1 piped', 'HELLO custom', 'after']);
    await bus.publish('errors.1', 'range');
    await eventually(() => calls.length === 2);
    expect(calls.splice(0)).toEqual(['push errors.1 fails', 'caught out']);
    expect(errors).toEqual([]);
    await bus.publish('errors.1', 'else');
    await eventually(() => errors.length === 1);
    expect(errors).toEqual(['handler: other']);
    calls.splice(0);
    await bus.publish('parts.1', { n: 1 });
    await eventually(() => calls.length === 3);
    expect(calls).toEqual(['push parts.1 parts', { n: 1 }, 'after']);
  });

  it('of request-scoped providers get an object of their own for each event', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Context {
      readonly number = ++made;
    }
    @Injectable()
    class Scoped {
      constructor(
        readonly context: Context,
        readonly bus: EventBus,
      ) {}

      @OnPush('orders.*')
      changed({ data }: OnPushEvent) {
        expect(this.bus).toBeInstanceOf(EventBus);
        calls.push([data, this.context.number]);
      }
    }
    const { bus, errors } = await start(Scoped, Context);
    await bus.publish('orders.1', 'a');
    await bus.publish('orders.1', 'b');
    await eventually(() => calls.length === 2);
    expect(calls).toEqual(
      expect.arrayContaining([
        ['a', expect.any(Number)],
        ['b', expect.any(Number)],
      ]),
    );
    expect(new Set((calls as [string, number][]).map(([, number]) => number)).size).toBe(2);
    expect(errors).toEqual([]);
  });

  it.each<[string, () => unknown, string]>([
    ['a pattern that is none', () => OnPush('a..b'), 'INVALID_TOPIC'],
    ['an option that does not exist', () => OnPush('a', { grup: 'x' } as never), 'INVALID_OPTION'],
    ['retries without a group', () => OnPush('a', { retries: 3 }), 'INVALID_OPTION'],
    ['a group that is no token', () => OnPush('a', { group: 'a.b' }), 'INVALID_OPTION'],
    ['a timeout of 0', () => OnPush('a', { group: 'a', timeout: 0 }), 'INVALID_OPTION'],
    ['a parameter twice', () => OnPush('a.:id.:id'), 'INVALID_OPTION'],
  ])('refuse %s', (_, declare, code) => {
    expect(declare).toThrow(expect.objectContaining({ code }) as PushError);
  });

  it('refuse a method for gaps that their class does not have', async () => {
    @Injectable()
    class Wrong {
      missing?: (gap: GapNotice) => void;

      @OnPush('orders.*', { onGap: 'missing' as never })
      changed() {}
    }
    await expect(start(Wrong)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
