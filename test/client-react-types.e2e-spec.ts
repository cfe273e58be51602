import { problemsOf } from './support/compiled.js';

const imports = `
import { connect, type PushTopics } from 'nestjs-push-client';
import { connectWith } from 'nestjs-push-client/core';
import { PushProvider, useEvents, useHistory, useLatest, usePresence, usePublish, usePush, useRun, useStateMap } from 'nestjs-push-client/react';
declare const id: string;
declare const user: { id: string } | undefined;
`;

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

const right: Readonly<Record<string, string>> = {
  'any client to the provider': `
    PushProvider({ push: connect('/push') });
    PushProvider({ push: connect<{ 'a.*': number }>('/push') });
    PushProvider({ push: connectWith('/push') });
    const again: ReturnType<typeof connect> = usePush();
    export { again };`,
  'data of declared topics': `
    const one: 'paid' | 'shipped' | undefined = useLatest('orders.1')?.status;
    const sure: 'paid' | 'shipped' = useLatest('orders.1', { suspend: true }).status;
    const composed: { status: string } | undefined = useLatest(\`orders.\${id}\`);
    const all: ReadonlyMap<string, { status: 'paid' | 'shipped' }> = useStateMap('orders.*').entries;
    const authors: string[] = useHistory('rooms.1').events.map(({ data }) => data.author);
    const words: number | undefined = useRun('answers.1').result?.words;
    const { users, set } = usePresence('rooms.1', { join: false });
    const typing: boolean | undefined = users[0]?.data?.typing;
    set({ typing: true });
    set(null);
    const { publish, pending } = usePublish('rooms.1');
    void publish({ text: 'x' }, { messageId: 'y' });
    const text: string | undefined = pending[0]?.data.text;
    useEvents('orders.*', (order, { id }) => [order.status satisfies 'paid' | 'shipped', id], { from: 'last:50' });
    export { one, sure, composed, all, authors, words, typing, text };`,
  'data that a server has rendered': `
    useLatest('orders.1', { start: { data: { status: 'paid' }, id } });
    useStateMap('orders.*', { start: { entries: [['orders.1', { status: 'paid' }]], id } });
    useHistory('rooms.1', { start: { events: [{ topic: 'rooms.1', id, data: { text: '', author: '' } }] } });`,
  'no topic yet': `
    const one: 'paid' | 'shipped' | undefined = useLatest(user && \`orders.\${user.id}\`)?.status;
    useStateMap(user ? 'orders.*' : null);
    useHistory(user !== undefined && 'rooms.1').events[0]?.data.author satisfies string | undefined;
    useEvents(undefined, () => undefined);
    usePresence(undefined);
    usePublish(user && 'rooms.1');
    useRun(null);
    export { one };`,
  'a type argument, which goes before what is declared': `
    const one: string | undefined = useLatest<string>('news.a');
    const sure: string = useLatest<string>('news.a', { suspend: true });
    const all: ReadonlyMap<string, number> = useStateMap<number>('news.*').entries;
    const result: number | undefined = useRun<string, number>('news.a').result;
    const line: string | undefined = useHistory<string>('news.a').events[0]?.data;
    const typing: boolean | undefined = usePresence<boolean>('news.a').users[0]?.data;
    void usePublish<string>(user && 'news.a').publish('x');
    useEvents<string>('news.a', (text) => text.length);
    export { one, sure, all, result, line, typing };`,
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
  'the data of events, where clients publish other data': `void usePublish('rooms.1').publish({ text: 'x', author: 'y' });`,
  'other data in a handler': `useEvents('orders.1', (order: { price: number }) => order.price);`,
  'other data to start with': `useLatest('orders.1', { start: { data: { status: 'lost' }, id } });`,
  'other presence': `usePresence('rooms.1').set({ typing: 'yes' });`,
  'a value that may not be there yet': `useLatest('orders.1').status;`,
  'waiting for no topic': `useLatest(user && 'orders.1', { suspend: true }).status;`,
  'a provider without a client': `PushProvider({});`,
};

describe('The types of the hooks', () => {
  let problems: readonly string[][];
  beforeAll(async () => {
    const codes = [...Object.values(right), ...Object.values(wrong)];
    problems = await problemsOf({ name: 'react-types', type: 'module', topics, imports }, codes);
  });

  it.each(Object.keys(right))('take %s', (name) => {
    expect(problems[Object.keys(right).indexOf(name)]).toEqual([]);
  });

  it.each(Object.keys(wrong))('refuse %s', (name) => {
    const index = Object.keys(right).length + Object.keys(wrong).indexOf(name);
    expect(problems[index]).toHaveLength(1);
  });
});
