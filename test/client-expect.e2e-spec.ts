import { Injectable } from '@nestjs/common';
import { IsString } from 'class-validator';
import { PushModule, PushTopic, type Principal, type TopicPolicy } from 'nestjs-push';
import type { ConnectOptions, PushClient, TransportName } from 'nestjs-push-client';
import { removeState, stateOf } from 'nestjs-push-client/state';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient } from './support/client-app.js';
import { NameAuthenticator, Users } from './support/roles.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

class Card {
  @IsString()
  text!: string;
}

@Injectable()
@PushTopic('board.:card', { payload: Card })
class BoardPolicy implements TopicPolicy<Card> {
  canSubscribe() {
    return true;
  }

  canPublish({ id }: Principal) {
    return id !== 'reader';
  }

  canRemove({ id }: Principal) {
    return id === 'admin';
  }
}

/** The same without `canRemove`, and a topic that is no state. */
@Injectable()
@PushTopic('notes.:note')
class NotesPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

/** Everybody may write, and only readers may read. */
@Injectable()
@PushTopic('box.:name')
class BoxPolicy implements TopicPolicy {
  canSubscribe({ id }: Principal) {
    return id === 'reader';
  }

  canPublish() {
    return true;
  }

  canRemove() {
    return true;
  }
}

@Injectable()
@PushTopic('log.:name')
class LogPolicy extends NotesPolicy {
  canRemove() {
    return true;
  }
}

function start(): Promise<RunningApp> {
  const users = new Users();
  return startApp('express', {
    providers: [{ provide: Users, useValue: users }, BoardPolicy, NotesPolicy, LogPolicy, BoxPolicy],
    exports: [Users],
    imports: [
      PushModule.forRoot({
        topics: [
          { pattern: 'board.*', access: 'public', state: true },
          { pattern: 'notes.*', access: 'public', state: true },
          { pattern: 'box.*', state: true },
        ],
        authenticate: NameAuthenticator,
        websocket: { firstMessage: true },
      }),
    ],
  });
}

describe.each<TransportName>(['websocket', 'sse'])('A client over %s', (name) => {
  const as = (token: string): ConnectOptions => ({ transports: [name], token: () => token });

  it('publishes to a state that it knows, or to none, and is told of a conflict', async () => {
    const app = await start();
    const push = openClient(app.url('/push'), as('ann'));
    const first = await push.publish('board.1', { text: 'a' }, { expect: 'none' });
    await expect(push.publish('board.1', { text: 'b' }, { expect: 'none' })).rejects.toMatchObject({
      code: 'CONFLICT',
      retryable: false,
    });
    const second = await push.publish('board.1', { text: 'c' }, { expect: first });
    await expect(push.publish('board.1', { text: 'd' }, { expect: first })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await app.bus.remove('board.1', { expect: second });
    await push.publish('board.1', { text: 'e' }, { expect: 'none' });
    const cards = stateOf(push, 'board.*');
    await cards.live;
    expect([...cards]).toEqual([['board.1', { text: 'e' }]]);
  });

  it('removes a state where a policy allows just that', async () => {
    const app = await start();
    const [ann, admin] = [openClient(app.url('/push'), as('ann')), openClient(app.url('/push'), as('admin'))];
    const id = await ann.publish('board.1', { text: 'a' });
    await expect(removeState(ann, 'board.1')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await ann.publish('notes.1', 'a');
    await expect(removeState(admin, 'notes.1')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(removeState(admin, 'board.1', { expect: 'none' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    const cards = stateOf(ann, 'board.*');
    await cards.live;
    const removal = await removeState(admin, 'board.1', { expect: id });
    expect(removal).toBe(app.bus.stats().positions.head);
    await eventually(() => cards.size === 0);
    await expect(removeState(admin, 'board.1', { expect: id })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('is told of the state in a conflict only where it may read it', async () => {
    const app = await start();
    const id = await app.bus.publish('box.1', 'a');
    const conflict = async (token: string, attempt: (push: PushClient) => Promise<unknown>) => {
      const error: unknown = await attempt(openClient(app.url('/push'), as(token))).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'CONFLICT', retryable: false });
      return JSON.stringify([(error as Error).message, error]);
    };
    for (const attempt of [
      (push: PushClient) => push.publish('box.1', 'b', { expect: 'none' }),
      (push: PushClient) => removeState(push, 'box.1', { expect: 'none' }),
    ]) {
      expect(await conflict('reader', attempt)).toContain(id);
      expect(await conflict('ann', attempt)).not.toContain(id);
    }
    // Nor that there is none.
    const never = (push: PushClient) => push.publish('box.2', 'b', { expect: id });
    expect(await conflict('reader', never)).toContain('it has none');
    expect(await conflict('ann', never)).not.toContain('none');
  });

  it('is told of what it may not expect, and a stranger learns nothing', async () => {
    const app = await start();
    const [ann, reader] = [
      openClient(app.url('/push'), as('ann')),
      openClient(app.url('/push'), as('reader')),
    ];
    const invalid = { code: 'INVALID_MESSAGE', retryable: false };
    await expect(ann.publish('log.1', 1, { expect: 'none' })).rejects.toMatchObject(invalid);
    await expect(removeState(ann, 'log.1')).rejects.toMatchObject(invalid);
    for (const expect of ['', 'no id', 'none ', '-1', 'x'.repeat(65)])
      await rejects(ann.publish('board.1', { text: 'a' }, { expect }), invalid);
    await rejects(ann.publish('board.1', { text: 'a' }, { expect: 7 as never }), invalid);
    await rejects(ann.publish('board.1', { text: 'a' }, { expect: 'none', ephemeral: true }), invalid);
    await rejects(ann.publish('board.1', { text: 7 }, { expect: 'none' }), invalid);
    await rejects(reader.publish('board.1', 7, { expect: 'none' }), { code: 'FORBIDDEN' });
    await rejects(removeState(reader, 'board.1', { expect: 'none' }), { code: 'FORBIDDEN' });
    await rejects(removeState(ann, '$presence.board.1'), { code: 'FORBIDDEN' });
    expect(app.bus.stats().window.events).toBe(0);
  });
});

function rejects(promise: Promise<unknown>, error: object): Promise<void> {
  return expect(promise).rejects.toMatchObject(error);
}

it('An event whose answer was lost is sent again and is no conflict with itself', async () => {
  const app = await start();
  const proxy = await TcpProxy.start(app.port);
  afterTest(() => proxy.dispose());
  const push = openClient(`http://127.0.0.1:${proxy.port}/push`, { token: () => 'admin' });
  const record = new ClientRecord(push);
  await record.read('board.*');
  proxy.holdAnswers();
  const published = push.publish('board.1', { text: 'a' }, { expect: 'none' });
  await eventually(() => app.bus.stats().window.events === 1);
  proxy.reset();
  const id = await published;
  proxy.holdAnswers();
  const removed = removeState(push, 'board.1', { expect: id });
  await eventually(() => app.bus.stats().positions.head !== id);
  proxy.reset();
  expect(await removed).toBe(app.bus.stats().positions.head);
  await record.untilHandled(1);
  expect(record.handled).toEqual([{ text: 'a' }]);
});
