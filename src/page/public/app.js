import { connect } from './client/index.js';
import { Author } from './author.js';
import { showBoard } from './board.js';
import { showMachine } from './machine.js';
import { showTransport } from './strip.js';

/** A desk has few visitors: they may come back soon. */
const maxRetryDelay = 2_000;

// One connection would carry both. There are two to see each transport at work.
const sse = connect('/push', { transports: ['sse'], maxRetryDelay });
showTransport(document.getElementById('sse'), sse);
showMachine(sse);

const websocket = connect('/push', { transports: ['websocket'], maxRetryDelay });
showTransport(document.getElementById('websocket'), websocket);
showBoard(websocket, new Author());

// Over TLS the certificate is one that nobody has signed.
const insecure = location.protocol === 'https:' ? '-k ' : '';
document.getElementById('curl').textContent =
  `curl ${insecure}${location.origin}/events/board.news -d data="Tea is ready"`;
