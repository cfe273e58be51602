import type { GapNotice } from '../../protocol/gap.js';
import type { ErrorReport, ServerMessage } from '../../protocol/messages.js';
import { refusalOf, request } from './http-request.js';
import type { Wire, WireListener, WireRequest } from './wire.js';

/** The lines of one block of an event stream. */
interface Block {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly retry?: string;
}

/** How an event stream is read. */
export interface EventStreamOptions {
  /** The topics that the client has asked for. */
  readonly topics: readonly string[];
  /** Whether data is `{ topic, data }`, as on push's own endpoint. */
  readonly hasEnvelope: boolean;
}

/**
 * Opens an event stream, as an `EventSource` does.
 *
 * @throws PushError (the promise rejects) the refusal
 */
export async function openEventStream(
  { url, headers }: WireRequest,
  options: EventStreamOptions,
  listener: WireListener,
): Promise<Wire> {
  const accepted = { accept: 'text/event-stream', 'push-refusals': 'status' };
  const response = await request(url, { headers: { ...accepted, ...headers } });
  if (response.statusCode !== 200) throw await refusalOf(response);
  const { socket } = response;
  const reader = new BlockReader(options, listener);
  response.setEncoding('utf8');
  response.on('data', (text: string) => reader.read(text));
  // What ends it is told by `close`.
  response.on('error', () => undefined);
  response.on('close', () => listener.closed());
  const destroy = () => socket.destroy();
  return { port: socket.localPort ?? 0, close: destroy, destroy };
}

/** Reads blocks, and tells what they say. */
class BlockReader {
  private rest = '';
  private hasBegun = false;

  constructor(
    private readonly options: EventStreamOptions,
    private readonly listener: WireListener,
  ) {}

  read(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop()!;
    for (const block of blocks) if (block.trim() !== '') this.tell(blockOf(block));
  }

  private tell(block: Block): void {
    const { event, data, retry, id } = block;
    // The end of the stream is told by `closed`.
    if (event === 'push.end') return;
    if (retry !== undefined) this.listener.told(this.opening(Number(retry), id));
    else if (data !== undefined) this.listener.told(this.messageOf(data, block));
    // A comment before the first block is Nest's own.
    else if (this.hasBegun) this.listener.told({ event: 'heartbeat', data: { id } });
  }

  /** The first block says where the stream begins; another one, when to come back. */
  private opening(delay: number, id: string | undefined): ServerMessage {
    if (this.hasBegun) return { event: 'drain', data: { delay } };
    this.hasBegun = true;
    const { topics } = this.options;
    return {
      event: 'live',
      data: { topics, ...(id !== undefined && { id }) } as { topics: string[]; id: string },
    };
  }

  private messageOf(text: string, { event: type, id }: Block): ServerMessage {
    const said = parsed(text);
    const place = id === undefined ? {} : { id };
    switch (type) {
      case 'push.gap':
        return { event: 'gap', data: said as GapNotice };
      case 'push.error':
      case 'push.expired':
        return { event: 'error', data: said as ErrorReport };
      case 'push.heartbeat':
        return { event: 'heartbeat', data: place };
      case 'push.removed':
        return { event: 'removed', data: { ...(said as { topic: string }), ...place } };
      case 'push.ended':
        return { event: 'ended', data: { ...(said as { topic: string; reason: string }), ...place } };
      case 'push.snapshot':
        return { event: 'snapshot', data: { ...(said as { topic: string; data: unknown }), ...place } };
      default: {
        const content = this.options.hasEnvelope
          ? (said as { topic: string; data: unknown })
          : { topic: '', data: said };
        return { event: 'message', data: { ...content, ...place, ...(type !== undefined && { type }) } };
      }
    }
  }
}

function blockOf(text: string): Block {
  const fields: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line)!;
    fields[name!] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value;
  }
  return fields;
}

/** JSON as it means it, and other text as it is. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
