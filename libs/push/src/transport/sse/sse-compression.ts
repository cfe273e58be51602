import { Inject, Injectable } from '@nestjs/common';
import { SharedStreams } from '../../clients/shared-streams.js';
import type { Codec } from '../../contracts/event.js';
import { silence } from '../../platform/nest-sse-stream.js';
import { isPlainBody, raw } from '../../platform/raw-response.js';
import { beforeHead, type WithHead } from '../../platform/response-head.js';
import { keepsOwnStream, type SseRequest } from '../../platform/written-body.js';
import { acceptsGzip } from './accepts-gzip.js';
import type { BodyOutlet } from './body-outlet.js';
import { GzipBody } from './gzip-body.js';

/** Compresses the bodies of event streams for clients that take gzip. */
@Injectable()
export class SseCompression {
  constructor(@Inject(SharedStreams) private readonly streams: SharedStreams) {}

  /**
   * Sets the headers of a stream that is compressed. Returns whether it is. Nothing is compressed where others may write to the
   * body: where middleware has replaced `write`, or Nest keeps its stream.
   */
  negotiate(client: SseRequest, topics: readonly string[]): boolean {
    const response = raw(client.response);
    if (response.headersSent || !isPlainBody(response) || keepsOwnStream(client)) return false;
    if (!this.streams.allows(topics)) return false;
    const isCompressed = acceptsGzip(raw(client.request).headers);
    // Headers that are set before the head is written are kept by Node as long as the connection: a kilobyte for each client.
    beforeHead(response as unknown as WithHead, (head) => {
      const others = head.get('vary');
      // RFC 9110, section 12.5.5
      head.set(
        'vary',
        others === undefined ? 'Accept-Encoding' : [others, 'Accept-Encoding'].flat().join(', '),
      );
      if (isCompressed) head.set('content-encoding', 'gzip');
    });
    if (isCompressed) silence(response);
    return isCompressed;
  }

  /** Begins a body that was agreed on. @param codec writes events down in whole blocks */
  begin(outlet: BodyOutlet, codec: Codec): void {
    outlet.compress(new GzipBody(this.streams, codec, outlet.isChunked));
  }
}
