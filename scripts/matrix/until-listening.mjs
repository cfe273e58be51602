import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves once something listens on `port`. Its output is read to the end: a full pipe would stop it. */
export async function untilListening(server, port) {
  let output = '';
  server.stdout.on('data', (text) => (output += text));
  for (;;) {
    if (server.exitCode !== null) throw new Error(`The application ended:\n${output}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await delay(50);
  }
}
