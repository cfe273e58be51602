import { Author } from './author.js';
import { showBoard } from './board.js';
import { SseConnection, WebSocketConnection } from './connection.js';
import { showMachine } from './machine.js';
import { showTransport } from './strip.js';

/** The figures come every second: when they have not for so many milliseconds, the stream is dead. */
const figuresPatience = 15_000;

const sse = new SseConnection('/machine/figures', figuresPatience);
const saySse = showTransport(document.getElementById('sse'), sse);
sse.addEventListener('event', () => saySse('The figures arrive from /machine/figures.'), { once: true });
showMachine(sse);

const websocket = new WebSocketConnection(`${location.origin.replace(/^http/, 'ws')}/push`, ['board.>']);
showTransport(document.getElementById('websocket'), websocket);
showBoard(websocket, new Author());

// Over TLS the certificate is one that nobody has signed.
const insecure = location.protocol === 'https:' ? '-k ' : '';
document.getElementById('curl').textContent =
  `curl ${insecure}${location.origin}/events/board.news -d data="Tea is ready"`;

sse.connect();
websocket.connect();
