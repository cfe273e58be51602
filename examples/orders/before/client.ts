import type { Status } from './order.js';

interface Message {
  readonly event: 'tracking' | 'status';
  readonly data: { readonly id: string; readonly status: Status };
}

/** Tracks an order, and connects again whenever the connection is lost. */
export class OrderTracker {
  private socket?: WebSocket;
  private isClosed = false;

  constructor(
    private readonly url: string,
    private readonly id: string,
    private readonly show: (status: Status) => void,
    private readonly tracking: () => void,
  ) {
    this.connect();
  }

  close(): void {
    this.isClosed = true;
    this.socket?.close();
  }

  private connect(): void {
    const socket = (this.socket = new WebSocket(`${this.url.replace('http', 'ws')}/tracking`));
    socket.addEventListener('open', () => socket.send(JSON.stringify({ event: 'track', data: this.id })));
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data as string) as Message;
      if (message.event === 'status') this.show(message.data.status);
      else this.tracking();
    });
    socket.addEventListener('close', () => {
      if (!this.isClosed) setTimeout(() => this.connect(), 100);
    });
  }
}
