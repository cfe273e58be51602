import {
  program,
  scripted,
  sseUrl,
  webSocketUrl,
  type ForeignClient,
  type Runtime,
} from './foreign-clients.js';
import type { ForeignPrograms } from './foreign-programs.js';
import { programPath } from './processes.js';

/** Where JavaScript runs. */
export interface Runtimes {
  readonly node: () => Runtime;
  readonly chromium: () => Runtime;
  readonly firefox: () => Runtime;
}

/** What the page's table calls the sources that browsers have. */
const native = 'browsers, natively';

/** Those whose source is like an EventSource. @param follow a statement that follows `source` */
function sourceClients(
  programs: ForeignPrograms,
  { node, chromium, firefox }: Runtimes,
  follow: string,
): ForeignClient[] {
  const source = (name: string, runtime: () => Runtime, library = name, imports = '') => {
    const from = imports && `import ${imports} from '${library}';`;
    const code = `${from}\nconst source = ${programs.sources.get(library)};\n${follow}`;
    return scripted(programs, name, runtime, code);
  };
  return [
    source('EventSource of Chromium', chromium, native),
    source('EventSource of Firefox', firefox, native),
    source('eventsource', node, 'eventsource', '{ EventSource }'),
    source('event-source-polyfill', chromium, 'event-source-polyfill', '{ EventSourcePolyfill }'),
    source('launchdarkly-eventsource', node, 'launchdarkly-eventsource', '{ EventSource }'),
    source('reconnecting-eventsource', chromium, 'reconnecting-eventsource', 'ReconnectingEventSource'),
    source('sse.js', chromium, 'sse.js', '{ SSE }'),
  ];
}

/** They do not close their source at the end, and tell when it is closed. */
export function unclosedSources(programs: ForeignPrograms, runtimes: Runtimes): ForeignClient[] {
  return sourceClients(
    programs,
    runtimes,
    `source.onmessage = ({ data }) => told.event(JSON.parse(data));
     source.addEventListener('push.ended', ({ data }) => told.ended(JSON.parse(data)));
     // Some say so before they are closed.
     source.onerror = () => setTimeout(() => source.readyState === 2 && told.failed());`,
  );
}

/** Clients that read event streams: the browsers' own, and those of libraries. */
export function sseClients(programs: ForeignPrograms, runtimes: Runtimes): ForeignClient[] {
  /** One with a snippet of its own. */
  const own = (name: string, runtime: () => Runtime, file: string) =>
    scripted(programs, name, runtime, `import { follow } from './${file}'; follow(url, told);`);
  return [
    ...sourceClients(programs, runtimes, "import { follow } from './event-source.js'; follow(source, told);"),
    own('eventsource-client', runtimes.node, 'eventsource-client.js'),
    own('@microsoft/fetch-event-source', runtimes.chromium, 'fetch-event-source.js'),
    own('eventsource-parser over fetch', runtimes.node, 'parser.js'),
    program('donovanhide/eventsource of Go', async () => [await programs.go('sse.go')], sseUrl),
  ];
}

/** Clients of WebSockets: of browsers, of JavaScript, of other languages. */
export function webSocketClients(
  programs: ForeignPrograms,
  { node, chromium, firefox }: Runtimes,
): ForeignClient[] {
  const script = (name: string, runtime: () => Runtime, imports = '') =>
    scripted(
      programs,
      name,
      runtime,
      `import { follow } from './web-socket.js'; ${imports} follow(WebSocket, url, [topic], told);`,
      webSocketUrl,
    );
  const python = (name: string, file: string) =>
    program(name, () => Promise.resolve([programPath('python3'), programs.path(file)]), webSocketUrl);
  const go = async (): Promise<[string]> => [await programs.go('websocket.go')];
  return [
    script('WebSocket of Chromium', chromium),
    script('WebSocket of Firefox', firefox),
    script('ws', node, "import { WebSocket } from 'ws';"),
    python('websockets of Python', 'follow_websockets.py'),
    python('websocket-client of Python', 'follow_websocket_client.py'),
    program('gorilla/websocket of Go', go, webSocketUrl),
    program('gorilla/websocket of Go, with compression', go, webSocketUrl, 'deflate'),
  ];
}
