import { TransportClient, type TransportRequest } from 'nestjs-push/testing';
import { request, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';

/** The query of a stream. */
export function queryOf({ topics, from }: TransportRequest): URLSearchParams {
  const query = new URLSearchParams(topics.map((topic): [string, string] => ['topic', topic]));
  if (from !== undefined) query.set('from', from);
  return query;
}

/** Its headers, with the token among them. */
export function headersOf({ token, headers }: TransportRequest): Record<string, string> {
  return { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
}

/** A client that reads the body of a response, as it comes. */
export abstract class BodyClient extends TransportClient {
  private readonly outgoing: ClientRequest;
  private response: IncomingMessage | undefined;

  constructor(url: string, { body, ...options }: RequestOptions & { readonly body?: string }) {
    super();
    this.outgoing = request(url, { agent: false, ...options }, (response) => this.receive(response));
    this.outgoing.on('error', () => undefined).on('close', () => this.end());
    this.outgoing.end(body);
  }

  pause(): void {
    this.response?.pause();
  }

  resume(): void {
    this.response?.resume();
  }

  leave(): void {
    this.outgoing.destroy();
  }

  vanish(): void {
    this.outgoing.socket?.resetAndDestroy();
    this.outgoing.destroy();
  }

  /** What is between two parts of the body. */
  protected abstract readonly separator: string;

  /** Takes a part of the body. */
  protected abstract read(part: string): void;

  private receive(response: IncomingMessage): void {
    this.response = response;
    let rest = '';
    response.setEncoding('utf8').on('error', () => undefined);
    response.on('data', (text: string) => {
      const parts = (rest + text).split(this.separator);
      rest = parts.pop()!;
      if (response.statusCode === 200) parts.forEach((part) => this.read(part));
    });
    response.on('close', () => {
      if (response.statusCode !== 200) this.refuse(codeOf(rest));
      this.end();
    });
  }
}

/** The code in the body of a refusal. Nest's own answer to an error that nobody expected has none. */
export function codeOf(body: string): string {
  const { code = 'INTERNAL' } = (body === '' ? {} : JSON.parse(body)) as { code?: string };
  return code;
}
