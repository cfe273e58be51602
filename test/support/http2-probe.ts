import { once } from 'node:events';
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';

/** One response, asked for or pushed, with everything that came before it. */
export interface Exchange {
  readonly path: string;
  /** Informational responses, in order. */
  readonly hints: IncomingHttpHeaders[];
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The RST_STREAM code of its end; 0 if it ended as it should. */
  code: number;
}

/** A push as it was promised, and what came of it. */
export interface ReceivedPush extends Exchange {
  readonly request: IncomingHttpHeaders;
  readonly stream: ClientHttp2Stream;
  readonly done: Promise<void>;
}

/** An HTTP/2 client that takes whatever it is pushed and writes down the order in which frames came. */
export class Http2Probe {
  /** `promise /style.css`, `103 /`, `200 /`, `data /`, in the order of arrival; of `data` only a stream's first. */
  readonly frames: string[] = [];
  readonly pushes: ReceivedPush[] = [];
  /** Set to do something else with a promised stream than to read it, at once. */
  onPush?: (push: ReceivedPush) => void;

  private constructor(readonly session: ClientHttp2Session) {
    session.on('error', () => {});
    session.on('stream', (stream, request) => {
      const path = String(request[':path']);
      this.frames.push(`promise ${path}`);
      const exchange = this.record(stream, path);
      const done = closed(stream, exchange);
      const push: ReceivedPush = Object.assign(exchange, { request, stream, done });
      this.pushes.push(push);
      stream.on('push', (headers) => this.answered(exchange, headers));
      this.onPush?.(push);
    });
  }

  static async connect(origin: string, options?: SecureClientSessionOptions): Promise<Http2Probe> {
    const probe = new Http2Probe(connect(origin, { rejectUnauthorized: false, ...options }));
    if (probe.session.connecting) await once(probe.session, 'connect');
    await once(probe.session, 'remoteSettings');
    return probe;
  }

  /** Resolves when the response itself is complete; what it pushed may still be on its way. */
  async get(path: string, headers?: OutgoingHttpHeaders): Promise<Exchange> {
    const stream = this.session.request({ ':path': path, ...headers });
    const exchange = this.record(stream, path);
    stream.on('response', (head) => this.answered(exchange, head));
    stream.on('headers', (head) => {
      this.frames.push(`${head[':status']} ${path}`);
      exchange.hints.push(head);
    });
    await closed(stream, exchange);
    return exchange;
  }

  /** Resolves when everything that was promised so far is complete. */
  async settled(): Promise<void> {
    await Promise.all(this.pushes.map(({ done }) => done));
  }

  /** The push of a path, once it is complete. */
  async pushed(path: string): Promise<ReceivedPush> {
    const push = this.pushes.find((each) => each.path === path);
    if (!push)
      throw new Error(`${path} was not pushed, only: ${this.pushes.map((each) => each.path).join(' ')}`);
    await push.done;
    return push;
  }

  async close(): Promise<void> {
    if (this.session.destroyed) return;
    this.session.destroy();
    await once(this.session, 'close');
  }

  private record(stream: ClientHttp2Stream, path: string): Exchange {
    const exchange: Exchange = { path, hints: [], headers: {}, body: Buffer.alloc(0), code: -1 };
    stream.on('error', () => {});
    stream.once('data', () => this.frames.push(`data ${path}`));
    stream.on('data', (chunk: Buffer) => (exchange.body = Buffer.concat([exchange.body, chunk])));
    return exchange;
  }

  private answered(exchange: Exchange, headers: IncomingHttpHeaders): void {
    exchange.headers = headers;
    this.frames.push(`${headers[':status']} ${exchange.path}`);
  }
}

async function closed(stream: ClientHttp2Stream, exchange: Exchange): Promise<void> {
  await new Promise<void>((resolve) => stream.once('close', resolve));
  exchange.code = stream.rstCode ?? 0;
}
