import type { Backplane, Tail } from '../contracts/backplane.js';
import type { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import type { Hub } from '../hub/hub.js';
import type { ControlMessages } from './control-messages.js';

/** What a backplane calls on this node: the log goes to the hub, control messages go to their listeners. */
export class NodeTail implements Tail {
  constructor(
    private readonly hub: Hub,
    private readonly controlMessages: ControlMessages,
  ) {}

  /** Starts to read the log of `backplane`. */
  start(backplane: Backplane): void {
    backplane.start(this, this.hub.retention);
    this.hub.consult(backplane);
  }

  open(position: Position): void {
    this.hub.open(position);
  }

  deliver(event: LogEvent): void {
    this.hub.deliver(event);
  }

  skip(sequence: number): void {
    this.hub.skip(sequence);
  }

  reach(sequence: number): void {
    this.hub.reach(sequence);
  }

  deliverEphemeral(event: LogEvent): void {
    this.hub.deliverEphemeral(event);
  }

  control(message: string): void {
    this.controlMessages.dispatch(message);
  }

  congested(): Promise<void> | undefined {
    return this.hub.congested();
  }
}
