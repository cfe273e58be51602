import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { WebSocket } from 'ws';

/** A WebSocket client that keeps every message. */
export class Client {
  messages = [];
  isClosed = false;
  #waiting = new Set();

  constructor(socket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(data.toString()));
      this.#changed();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      this.#changed();
    });
  }

  /** @param name of the user; without one it is nobody @param perMessageDeflate whether it takes compressed messages */
  static async open(target, name, perMessageDeflate = false) {
    const headers = name ? { authorization: `Bearer ${name}` } : {};
    const options = { headers, rejectUnauthorized: false, perMessageDeflate };
    const client = new Client(new WebSocket(target.webSocketUrl, options));
    await client.until(({ messages }) => messages.length > 0);
    return client;
  }

  /** How many of its patterns may have a wildcard before their last token. */
  get innerWildcards() {
    return this.messages[0]?.data?.limits?.maxInnerWildcards ?? Infinity;
  }

  all(event) {
    return this.messages.filter((message) => message.event === event).map(({ data }) => data);
  }

  send(event, data) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ event, data }));
  }

  /** Resolves with whether it holds: `false` once the connection or the time is over. */
  until(holds, milliseconds = 60_000) {
    return new Promise((resolve) => {
      const settle = (result) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = () => {
        if (holds(this)) settle(true);
        else if (this.isClosed) settle(false);
      };
      const timer = setTimeout(() => settle(false), milliseconds);
      this.#waiting.add(look);
      look();
    });
  }

  /** Sends a message, and resolves with its answer; `undefined` if there is none. */
  async ask(
    event,
    data,
    { answer = ['subscribed', 'unsubscribed', 'published', 'error'], milliseconds } = {},
  ) {
    const ref = `${event}-${Math.random()}`;
    const isAnswer = (message) => message.data?.ref === ref && answer.includes(message.event);
    this.send(event, { ...data, ref });
    await this.until(({ messages }) => messages.some(isAnswer), milliseconds);
    return this.messages.find(isAnswer);
  }

  leave() {
    this.socket.terminate();
  }

  #changed() {
    for (const look of this.#waiting) look();
  }
}

/** Asks by HTTP. Resolves with the response, whose body nobody has read. */
export function ask(target, path, { name, body } = {}) {
  const headers = { ...(name && { authorization: `Bearer ${name}` }) };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const send = target.isSecure ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = send(
      target.url(path),
      { method, headers, agent: false, rejectUnauthorized: false },
      resolve,
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** `each` for so many, and what comes of all. */
export function times(count, each) {
  return Array.from({ length: count }, (_, n) => each(n));
}

/** Runs `step` again and again for so many milliseconds, once in `pause`. */
export async function repeat(milliseconds, pause, step) {
  const began = performance.now();
  for (let n = 0; performance.now() - began < milliseconds; n++) {
    step(n);
    await delay(Math.max(0, began + (n + 1) * pause - performance.now()));
  }
}

export function delay(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
