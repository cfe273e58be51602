/** A page with components of Vue, for `ComponentPage`. */
export const vuePage = `
import { computed, createApp, defineComponent, h, reactive, ref, shallowRef, unref } from 'vue';
import { connect } from 'nestjs-push-client';
import {
  createPush, useEvents, useHistory, useLatest, usePresence, usePublish, usePushStatus, useRun, useStateMap,
} from 'nestjs-push-client/vue';

export const push = connect('/push', { tabs: false, onError: (error) => told.push(error.code), ...window.options });
Object.assign(window, { push });

const kinds = {
  Events(topic, options) {
    const events = shallowRef([]);
    const add = (event) => (events.value = [...events.value, event]);
    useEvents(topic, (data) => add(data), {
      ...options,
      onGap: ({ reason }) => add(reason),
      onEnded: ({ reason }) => add(reason),
      onRefused: ({ code }) => add(code),
    });
    return { events };
  },
  History(topic, options) {
    const history = useHistory(topic, options);
    return { ...history, events: computed(() => history.events.value.map(({ data }) => data)) };
  },
  Latest: (topic, options) => ({ latest: useLatest(topic, options) }),
  Presence(topic, options) {
    const room = usePresence(topic, options);
    return { ...room, users: computed(() => room.users.value.map(({ user, data, clients }) => [user, data, clients])) };
  },
  Publish(topic) {
    const { publish, pending } = usePublish(topic);
    return {
      publish,
      retry: () => pending.value[0].retry(),
      discard: () => pending.value[0].discard(),
      pending: computed(() => pending.value.map(({ data, error }) => [data, error?.code])),
    };
  },
  PushStatus: () => usePushStatus(),
  Run: (topic) => useRun(topic),
  StateMap(topic, options) {
    const { entries, ...rest } = useStateMap(topic, options);
    return { ...rest, entries: computed(() => Object.fromEntries(entries.value)) };
  },
};

const Item = defineComponent({
  props: ['item'],
  setup({ item }) {
    const view = (item.view = kinds[item.kind](() => item.topic.value, item.options));
    return () => {
      const shown = Object.entries(view).filter(([, value]) => typeof value !== 'function');
      return h('pre', { id: item.id }, JSON.stringify(Object.fromEntries(shown.map(([key, value]) => [key, unref(value)]))));
    };
  },
});

const items = shallowRef([]);
const found = (id) => items.value.find((item) => item.id === id);
let count = 0;
export const app = createApp({ setup: () => () => items.value.map((item) => h(Item, { item, key: item.id })) });
app.use(createPush(push)).mount(document.body.appendChild(document.createElement('div')));
Object.assign(window, {
  mount(kind, topic, options) {
    const item = { id: String(++count), kind, topic: shallowRef(topic), options };
    mounted.push(new WeakRef(item));
    items.value = [...items.value, item];
    return new Promise((resolve) => requestAnimationFrame(() => resolve(item.id)));
  },
  turn: (id, topic) => (found(id).topic.value = topic),
  call: (id, name, ...args) => void found(id).view[name](...args),
  unmount: (id) => void (items.value = items.value.filter((item) => item.id !== id)),
});
`;
