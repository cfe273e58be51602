/*
 * What a React Native app has of a browser, in a process of its own: WebSocket, and a `fetch` whose bodies cannot be read as
 * streams. Its state is scripted: it is what the parent process says.
 */
import WebSocket from 'ws';

const { fetch: nodeFetch } = globalThis;
for (const name of [
  'EventSource',
  'BroadcastChannel',
  'document',
  'location',
  'navigator',
  'addEventListener',
]) {
  delete globalThis[name];
  if (name in globalThis) throw new Error(`There is still ${name}.`);
}
globalThis.WebSocket = WebSocket;
globalThis.fetch = async (...request) => {
  const answer = await nodeFetch(...request);
  const text = await answer.text();
  return {
    ok: answer.ok,
    status: answer.status,
    headers: answer.headers,
    text: async () => text,
    json: async () => JSON.parse(text),
  };
};

/** `AppState` of React Native. */
const AppState = {
  currentState: 'active',
  listeners: new Set(),
  addEventListener(_type, listener) {
    this.listeners.add(listener);
    return { remove: () => this.listeners.delete(listener) };
  },
  become(state) {
    this.currentState = state;
    for (const listener of this.listeners) listener(state);
  },
};

const { connect } = await import('nestjs-push-client');
const { followAppState } = await import('nestjs-push-client/react');
const { historyOf } = await import('nestjs-push-client/history');

const url = process.argv[2];
const push = connect(url, {
  lazy: true,
  maxRetryDelay: 20,
  onError: (error) => process.send({ error: String(error) }),
});
const stop = followAppState(push, AppState);

const commands = {
  state: (state) => AppState.become(state),
  read: () =>
    push.on('news.a', (data) => process.send({ data })).live.then(() => process.send({ live: true })),
  history: async () =>
    process.send({ past: (await historyOf(url)('news.a')).events.map(({ data }) => data) }),
  end() {
    stop();
    process.send({ listeners: AppState.listeners.size });
    push.close();
    process.disconnect();
  },
};
push.onStatus(({ status, transport }) => process.send({ status: transport ?? status }));
process.on('message', ([command, ...values]) => commands[command](...values));
process.send({ status: push.status });
