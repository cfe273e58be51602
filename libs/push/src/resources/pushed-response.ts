import { Http2ServerResponse, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';

type WriteCallback = (error: Error) => void;

/**
 * The application's answer to a pushed request. Only a success is pushed: a client keeps what it is pushed, and would
 * take a pushed error, or a redirect to a login, for the resource.
 */
export class PushedResponse extends Http2ServerResponse {
  constructor(
    stream: ServerHttp2Stream,
    private readonly onBytes: (bytes: number) => void,
    private readonly onNoSuccess: (status: number) => void,
  ) {
    super(stream);
  }

  override writeHead(status: number, headers?: OutgoingHttpHeaders): this;
  override writeHead(status: number, message: string, headers?: OutgoingHttpHeaders): this;
  override writeHead(status: number, ...rest: (string | OutgoingHttpHeaders | undefined)[]): this {
    if (status >= 200 && status <= 299)
      return super.writeHead(
        status,
        rest.find((item) => typeof item === 'object'),
      );
    this.onNoSuccess(status);
    return this;
  }

  override write(chunk: string | Uint8Array, callback?: WriteCallback): boolean;
  override write(chunk: string | Uint8Array, encoding: BufferEncoding, callback?: WriteCallback): boolean;
  override write(
    chunk: string | Uint8Array,
    encodingOrCallback?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    const encoding = typeof encodingOrCallback === 'string' ? encodingOrCallback : 'utf8';
    const done = typeof encodingOrCallback === 'function' ? encodingOrCallback : callback;
    const isFlowing = super.write(chunk, encoding, done);
    if (this.headersSent) this.onBytes(Buffer.byteLength(chunk, encoding));
    return isFlowing;
  }
}
