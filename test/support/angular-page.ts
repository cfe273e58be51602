/** A page with components of Angular, for `ComponentPage`. It is compiled in the page, as signals of inputs cannot be. */
export const angularPage = `
import '@angular/compiler';
import {
  ApplicationRef, Component, computed, createComponent, inject, InjectionToken, Injector, provideZonelessChangeDetection, signal,
} from '@angular/core';
import { createApplication } from '@angular/platform-browser';
import { connect } from 'nestjs-push-client';
import {
  injectEvents, injectHistory, injectLatest, injectPresence, injectPublish, injectPushStatus, injectRun, injectStateMap, providePush,
} from 'nestjs-push-client/angular';

const push = connect('/push', { tabs: false, onError: (error) => told.push(error.code), ...window.options });
Object.assign(window, { push });

const kinds = {
  Events(topic, options) {
    const events = signal([]);
    const add = (event) => events.update((all) => [...all, event]);
    injectEvents(topic, (data) => add(data), {
      ...options,
      onGap: ({ reason }) => add(reason),
      onEnded: ({ reason }) => add(reason),
      onRefused: ({ code }) => add(code),
    });
    return { events };
  },
  History(topic, options) {
    const history = injectHistory(topic, options);
    return { ...history, events: computed(() => history.events().map(({ data }) => data)) };
  },
  Latest: (topic, options) => ({ latest: injectLatest(topic, options) }),
  Presence(topic, options) {
    const room = injectPresence(topic, options);
    return { ...room, users: computed(() => room.users().map(({ user, data, clients }) => [user, data, clients])) };
  },
  Publish(topic) {
    const { publish, pending } = injectPublish(topic);
    return {
      publish,
      retry: () => pending()[0].retry(),
      discard: () => pending()[0].discard(),
      pending: computed(() => pending().map(({ data, error }) => [data, error?.code])),
    };
  },
  PushStatus: () => injectPushStatus(),
  Run: (topic) => injectRun(topic),
  StateMap(topic, options) {
    const { entries, ...rest } = injectStateMap(topic, options);
    return { ...rest, entries: computed(() => Object.fromEntries(entries())) };
  },
};
const functions = ['publish', 'retry', 'discard', 'set', 'loadOlder'];

const ITEM = new InjectionToken('the item of a component');

@Component({ selector: 'pre', template: '{{ text() }}' })
class Item {
  item = inject(ITEM);
  view = kinds[this.item.kind](this.item.topic, this.item.options);
  text = computed(() => {
    const shown = Object.entries(this.view).filter(([name]) => !functions.includes(name));
    return JSON.stringify(Object.fromEntries(shown.map(([key, value]) => [key, value()])));
  });
}

const app = await createApplication({ providers: [provideZonelessChangeDetection(), providePush(push)] });
const items = new Map();
let count = 0;
Object.assign(window, {
  app,
  mount(kind, topic, options) {
    const item = { id: String(++count), kind, topic: signal(topic), options };
    mounted.push(new WeakRef(item));
    const hostElement = document.body.appendChild(document.createElement('pre'));
    hostElement.id = item.id;
    const elementInjector = Injector.create({ providers: [{ provide: ITEM, useValue: item }] });
    item.component = createComponent(Item, { environmentInjector: app.injector, elementInjector, hostElement });
    items.set(item.id, item);
    app.attachView(item.component.hostView);
    return app.whenStable().then(() => item.id);
  },
  turn: (id, topic) => items.get(id).topic.set(topic),
  call: (id, name, ...args) => void items.get(id).component.instance.view[name](...args),
  unmount(id) {
    items.get(id).component.destroy();
    items.delete(id);
  },
});
`;

/** The same in an application that zone.js tells of what may have changed. */
export const zonePage = `import 'zone.js';${angularPage.replaceAll('provideZoneless', 'provideZone')}`;
