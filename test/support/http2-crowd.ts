import { connect, type ClientHttp2Session } from 'node:http2';
import { Watched } from './watched.js';

/** Many event streams over few HTTP/2 sessions. */
export class Http2Crowd extends Watched {
  open = 0;
  /** Streams that ended as they should, with a `retry` at last. */
  ended = 0;
  /** Sessions that were told to go away. */
  goneAway = 0;
  private readonly sessions: ClientHttp2Session[];

  constructor(
    port: number,
    sessions: number,
    private readonly streams: number,
    private readonly path = '/push/events?topic=news.>',
  ) {
    super();
    this.sessions = Array.from({ length: sessions }, () => connect(`http://127.0.0.1:${port}`));
  }

  async connect(): Promise<void> {
    for (const session of this.sessions) {
      session.on('error', () => undefined).once('goaway', () => this.goneAway++);
      for (let n = 0; n < this.streams; n++) this.request(session);
    }
    await this.until(() => this.open === this.sessions.length * this.streams);
  }

  drop(): void {
    for (const session of this.sessions) session.destroy();
  }

  private request(session: ClientHttp2Session): void {
    let text = '';
    const stream = session.request({ ':path': this.path });
    stream.setEncoding('utf8').on('error', () => undefined);
    stream.on('data', (more: string) => {
      if (!text.includes('retry: ') && more.includes('retry: ')) this.open++;
      text += more;
      this.changed();
    });
    stream.on('end', () => {
      if (/\nretry: \d+\n\n$/.test(text)) this.ended++;
      this.changed();
    });
  }
}
