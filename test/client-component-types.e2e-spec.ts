import { problemsOf } from './support/compiled.js';

const topics = `
import type { TopicTypes } from 'nestjs-push-client';
declare module 'nestjs-push-client' {
  interface PushTopics {
    'orders.*': { status: 'paid' | 'shipped' };
    'rooms.*': TopicTypes<{ event: { text: string; author: string }; publish: { text: string }; presence: { typing: boolean } }>;
    'answers.*': TopicTypes<{ event: string; result: { words: number } }>;
  }
}
`;

const common = `
import { connect } from 'nestjs-push-client';
import { connectWith } from 'nestjs-push-client/core';
declare const id: string;
declare const user: { id: string } | undefined;
`;

/** The entries: how they are imported, what their functions begin with, and how a value of theirs is read. */
const entries = {
  Vue: {
    imports: `${common}
import { createPush, useEvents, useHistory, useLatest, usePresence, usePublish, usePush, usePushStatus, useRun, useStateMap } from 'nestjs-push-client/vue';
import { ref } from 'vue';
const provide = createPush;
const held = ref('orders.1' as const);`,
    verb: 'use',
    read: '.value',
  },
  Angular: {
    imports: `${common}
import { signal } from '@angular/core';
import { injectEvents, injectHistory, injectLatest, injectPresence, injectPublish, injectPush, injectPushStatus, injectRun, injectStateMap, providePush } from 'nestjs-push-client/angular';
const provide = providePush;
const held = signal('orders.1' as const);`,
    verb: 'inject',
    read: '()',
  },
};

/** `use` and `.value` stand for what the framework has there. */
const right: Readonly<Record<string, string>> = {
  'any client': `
    provide(connect('/push'));
    provide(connect<{ 'a.*': number }>('/push'));
    provide(connectWith('/push'));
    const again: ReturnType<typeof connect> = usePush();
    const status: string = usePushStatus().status.value;
    export { again, status };`,
  'data of declared topics': `
    const one: 'paid' | 'shipped' | undefined = useLatest('orders.1').value?.status;
    const kept: 'paid' | 'shipped' | undefined = useLatest(held).value?.status;
    const all: ReadonlyMap<string, { status: 'paid' | 'shipped' }> = useStateMap('orders.*').entries.value;
    const authors: string[] = useHistory('rooms.1').events.value.map(({ data }) => data.author);
    const words: number | undefined = useRun('answers.1').result.value?.words;
    const { users, set } = usePresence('rooms.1', { join: false });
    const typing: boolean | undefined = users.value[0]?.data?.typing;
    set({ typing: true });
    set(null);
    const { publish, pending } = usePublish('rooms.1');
    void publish({ text: 'x' }, { messageId: 'y' });
    const text: string | undefined = pending.value[0]?.data.text;
    useEvents('orders.*', (order, { id }) => [order.status satisfies 'paid' | 'shipped', id], { from: 'last:50' });
    export { one, kept, all, authors, words, typing, text };`,
  'data that a server has rendered': `
    useLatest('orders.1', { start: { data: { status: 'paid' }, id } });
    useStateMap('orders.*', { start: { entries: [['orders.1', { status: 'paid' }]], id } });
    useHistory('rooms.1', { start: { events: [{ topic: 'rooms.1', id, data: { text: '', author: '' } }] } });`,
  'no topic yet': `
    useLatest(() => user && \`orders.\${user.id}\`);
    useStateMap(() => (user ? 'orders.*' : null));
    useEvents(undefined, () => undefined);
    usePresence(undefined);
    useRun(null);`,
  'a type argument, which goes before what is declared': `
    const one: string | undefined = useLatest<string>('news.a').value;
    const all: ReadonlyMap<string, number> = useStateMap<number>(() => \`news.\${id}\`).entries.value;
    const result: number | undefined = useRun<string, number>('news.a').result.value;
    const line: string | undefined = useHistory<string>('news.a').events.value[0]?.data;
    const typing: boolean | undefined = usePresence<boolean>('news.a').users.value[0]?.data;
    void usePublish<string>(() => user && 'news.a').publish('x');
    useEvents<string>('news.a', (text) => text.length);
    export { one, all, result, line, typing };`,
};

const wrong: Readonly<Record<string, string>> = {
  'a topic that is not declared, in useLatest': `useLatest('order.1');`,
  'a topic that is not declared, in useStateMap': `useStateMap('order.*');`,
  'a topic that is not declared, in useEvents': `useEvents('order.*', () => undefined);`,
  'a topic that is not declared, in useHistory': `useHistory('room.1');`,
  'a topic that is not declared, in usePresence': `usePresence('room.1');`,
  'a topic that is not declared, in usePublish': `usePublish('room.1');`,
  'a topic that is not declared, in useRun': `useRun('answer.1');`,
  'other data to publish': `void usePublish('rooms.1').publish({ words: 'x' });`,
  'other data in a handler': `useEvents('orders.1', (order: { price: number }) => order.price);`,
  'other data to start with': `useLatest('orders.1', { start: { data: { status: 'lost' }, id } });`,
  'other presence': `usePresence('rooms.1').set({ typing: 'yes' });`,
  'a value that may not be there yet': `useLatest('orders.1').value.status;`,
  'something else than a client': `provide({});`,
};

describe.each(Object.entries(entries))(
  'The types of the functions for %s',
  (name, { imports, verb, read }) => {
    const local = (code: string) => code.replaceAll(/\buse(?=[A-Z])/g, verb).replaceAll('.value', read);
    let problems: readonly string[][];
    beforeAll(async () => {
      const codes = [...Object.values(right), ...Object.values(wrong)].map(local);
      problems = await problemsOf({ name: `types-${name}`, type: 'module', topics, imports }, codes);
    }, 120_000);

    it.each(Object.keys(right))('take %s', (title) => {
      expect(problems[Object.keys(right).indexOf(title)]).toEqual([]);
    });

    it.each(Object.keys(wrong))('refuse %s', (title) => {
      const index = Object.keys(right).length + Object.keys(wrong).indexOf(title);
      expect(problems[index]).toHaveLength(1);
    });
  },
);
