import { WebSocket } from 'ws';
import type { ServerMessage } from '../../protocol/messages.js';
import { refusalOf } from './http-request.js';
import type { Wire, WireListener, WireRequest } from './wire.js';

/**
 * Opens a WebSocket at push's path.
 *
 * @throws PushError (the promise rejects) the refusal
 */
export function openWebSocket({ url, headers }: WireRequest, listener: WireListener): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const options = { headers, rejectUnauthorized: false, perMessageDeflate: false };
    const socket = new WebSocket(url.replace(/^http/, 'ws'), options);
    let port = 0;
    socket.on('upgrade', (response) => (port = response.socket.localPort ?? 0));
    socket.on('unexpected-response', (_, response) => {
      refusalOf(response).then(reject, reject);
    });
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => listener.told(JSON.parse(data.toString()) as ServerMessage));
    socket.on('close', (code) => listener.closed(code));
    socket.on('open', () =>
      resolve({
        port,
        send: (message) => socket.send(JSON.stringify(message)),
        close: () => socket.close(),
        destroy: () => socket.terminate(),
      }),
    );
  });
}
