import type { Client } from '../../clients/client.js';
import type { ClientListener } from '../../clients/client-listener.js';
import { PushError } from '../../contracts/errors.js';
import { viewOf } from '../../contracts/reserved.js';
import { whenClosed, type RawResponse } from '../../platform/raw-response.js';
import type { Look } from './look.js';
import type { ViewMessage } from './view-messages.js';

/** How many views a node serves at a time. */
const mostViews = 16;

/** How often a node tells the others which views it holds, in milliseconds. */
const renewal = 5_000;

/** A view whose stream this node holds. */
interface HeldView {
  look: Look;
  /** Its page may have come back before its old stream was found dead. */
  streams: number;
  /** Its stream reads: what is sent now reaches it. */
  isReading: boolean;
}

/** The views whose streams this node holds, and what they look at. */
export class Views implements ClientListener<Client> {
  private readonly held = new Map<string, HeldView>();
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param node names this node
   * @param tell tells this node and the others
   */
  constructor(
    private readonly node: string,
    private readonly tell: (message: ViewMessage) => void,
  ) {}

  get size(): number {
    return this.held.size;
  }

  /**
   * Holds a view for as long as the response of its stream is open.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  admit(view: string, response: RawResponse): void {
    if (!this.held.has(view) && this.held.size >= mostViews)
      throw new PushError('LIMIT_EXCEEDED', `${mostViews} pages look at this node already. Close one.`);
    const known = this.held.get(view) ?? { look: {}, streams: 0, isReading: false };
    known.streams++;
    this.held.set(view, known);
    this.timer ??= setInterval(() => this.renew(), renewal).unref();
    whenClosed(response, () => this.close(view, known));
  }

  /**
   * A view looks at this from now on. Returns `false` if this node does not hold it.
   */
  turn(view: string, look: Look): boolean {
    const known = this.held.get(view);
    if (!known) return false;
    known.look = look;
    if (known.isReading) this.watch(view, known, false);
    return true;
  }

  /** The stream of a view reads from now on. */
  subscribed(_client: Client, topics: readonly string[]): void {
    const view = viewOf(topics[0]!);
    const known = view === undefined ? undefined : this.held.get(view);
    if (!known) return;
    known.isReading = true;
    this.watch(view!, known, true);
  }

  unsubscribed(): void {
    // The stream ends then, and its response closes.
  }

  left(): void {
    // As above.
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private renew(): void {
    for (const [view, known] of this.held) if (known.isReading) this.watch(view, known, false);
  }

  private watch(view: string, { look }: HeldView, isNew: boolean): void {
    this.tell({ kind: 'watch', view, node: this.node, look, isNew });
  }

  private close(view: string, known: HeldView): void {
    if (--known.streams > 0) return;
    this.held.delete(view);
    this.tell({ kind: 'leave', view, node: this.node });
    if (this.held.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
