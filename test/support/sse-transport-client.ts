import type { ErrorReport, GapNotice, ServerMessage } from 'nestjs-push';
import type { TransportRequest } from 'nestjs-push/testing';
import { BodyClient, headersOf, queryOf } from './body-client.js';

/** The fields of a block. */
function fieldsOf(block: string): Record<string, string | undefined> {
  const fields: Record<string, string | undefined> = {};
  for (const line of block.split('\n').filter((each) => each !== '')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line)!;
    fields[name] = name in fields && name === 'data' ? `${fields.data}\n${value}` : value;
  }
  return fields;
}

/** `GET /push/events`, and what its blocks say. */
export class SseTransportClient extends BodyClient {
  protected readonly separator = '\n\n';

  constructor(
    url: string,
    private readonly asked: TransportRequest,
  ) {
    super(`${url}?${queryOf(asked).toString()}`, {
      headers: { ...headersOf(asked), 'Push-Refusals': 'status' },
    });
  }

  protected read(block: string): void {
    const { id, retry, event = '', data } = fieldsOf(block);
    if (event === 'push.end') return;
    if (retry !== undefined) this.tell(this.opening(Number(retry), id));
    else if (data !== undefined) this.tell(messageOf(event, JSON.parse(data), id));
    else if (block.trim() !== '') this.tell({ event: 'heartbeat', data: { id } });
  }

  /** The first block says where the stream begins; another one, when to come back. */
  private opening(delay: number, id: string | undefined): ServerMessage {
    if (this.hasBegun) return { event: 'drain', data: { delay } };
    const { topics, from = '' } = this.asked;
    return { event: 'subscribed', data: { topics, id: id ?? from } };
  }
}

function messageOf(event: string, said: unknown, id: string | undefined): ServerMessage {
  if (event === 'push.gap') return { event: 'gap', data: said as GapNotice };
  if (event.startsWith('push.')) return { event: 'error', data: said as ErrorReport };
  const { topic, data } = said as { topic: string; data: unknown };
  return { event: 'message', data: { topic, data, ...(id && { id }), ...(event && { type: event }) } };
}

/** `POST /push/events`: the messages of a WebSocket, in blocks. */
export class SseMessagesClient extends BodyClient {
  protected readonly separator = '\n\n';

  constructor(url: string, asked: TransportRequest) {
    const { topics, from } = asked;
    super(url, {
      method: 'POST',
      headers: { ...headersOf(asked), 'Content-Type': 'application/json', 'Push-Refusals': 'status' },
      body: JSON.stringify({ subscribe: [{ topics, from, ref: 'asked' }] }),
    });
  }

  protected read(block: string): void {
    const { data } = fieldsOf(block);
    if (data === undefined) return;
    const message = JSON.parse(data) as ServerMessage;
    // What is not granted is an error in the stream, which goes on.
    if (message.event === 'error' && message.data.ref) this.refuse(message.data.code);
    else this.tell(message);
  }
}
