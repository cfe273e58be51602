import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { count, jwt, survives, target } from './support/attacked-news.js';
import { openHandshake } from './support/ws-frames.js';

/* The hostile client comes by the thousand, and says nothing or leaves. Meanwhile a client that behaves gets every event. */

describe('connections', () => {
  const opened = (socket: Socket) => new Promise((resolve) => socket.once('connect', resolve));
  const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

  /** Connects so many sockets that say `text`, and nothing after that. */
  async function silent(length: number, text: () => string): Promise<Socket[]> {
    const sockets: Socket[] = [];
    // In groups: a queue of connections that nobody has accepted yet is short.
    for (let group = 0; group < length; group += 250) {
      const more = count(250).map(() => connect(target.port, '127.0.0.1').on('error', () => undefined));
      sockets.push(...more);
      await Promise.all(more.map(opened));
      for (const socket of more) socket.resume().write(text());
    }
    return sockets;
  }

  it('5,000 that say nothing, and 500 that never come to an end, are dropped', async () => {
    await survives(async () => {
      const sockets = await silent(5_000, () => '');
      const slow = await silent(500, () => 'GET /push HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n');
      const trickle = setInterval(() => slow.forEach((socket) => socket.write('X-A: b\r\n')), 100);
      await Promise.all([...sockets, ...slow].map((socket) => socket.closed || closed(socket)));
      clearInterval(trickle);
    });
  });

  it('2,000 WebSockets that say nothing: no more than an address may have, the others are told', async () => {
    await survives(async () => {
      const handshake = [
        'GET /push HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      ].join('');
      const sockets: Socket[] = [];
      const statuses: Promise<string>[] = [];
      for (let group = 0; group < 8; group++) {
        const more = await silent(250, () => handshake);
        sockets.push(...more);
        statuses.push(
          ...more.map((socket) => once(socket, 'data').then(([bytes]) => String(bytes).slice(9, 12))),
        );
        await Promise.all(statuses);
      }
      const answers = await Promise.all(statuses);
      expect(new Set(answers)).toEqual(new Set(['101', '429']));
      expect(answers.filter((status) => status === '101').length).toBeLessThanOrEqual(1_000);
      for (const socket of sockets) socket.destroy();
    });
  });

  it('2,000 that are reset while they are let in', async () => {
    const token = `Authorization: Bearer ${jwt.sign({ sub: 'ann' }, { expiresIn: '1h' })}`;
    await survives(async () => {
      for (let group = 0; group < 20; group++) {
        const sockets = await Promise.all(count(100).map(() => openHandshake(target.port, '/push', token)));
        for (const socket of sockets) socket.reset();
      }
    });
  });
});
