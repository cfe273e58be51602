import { connect } from './client/index.js';
import { Author } from './author.js';
import { showBoard } from './board.js';
import { showMachine } from './machine.js';
import { showPins } from './pins.js';
import { showTransport } from './strip.js';
import { showVisitors } from './visitors.js';

/** The desk has few visitors, so they may reconnect soon. */
const maxRetryDelay = 2_000;

// One connection would be enough. Two show both transports.
const sse = connect('/push', { transports: ['sse'], maxRetryDelay });
showTransport(document.getElementById('sse'), sse);
showMachine(sse);

// Each window is a visitor of its own, so it has this connection for itself.
const author = new Author();
const websocket = connect(`/push?visitor=${author.id}`, { transports: ['websocket'], maxRetryDelay });
showTransport(document.getElementById('websocket'), websocket);
showBoard(websocket, author);
showPins(websocket, author);
showVisitors(websocket, author);

// Over TLS the certificate is self-signed.
const insecure = location.protocol === 'https:' ? '-k ' : '';
document.getElementById('curl').textContent =
  `curl ${insecure}${location.origin}/events/board.news -d data="Tea is ready"`;
