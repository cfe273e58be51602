import { MemoryBackplane, type RetentionRules, type Tail } from 'nestjs-push';

/** A log that is not there when the application begins to listen, as a server's that starts later, or is far away. */
export class LateBackplane extends MemoryBackplane {
  private begin: () => void = () => undefined;

  override start(tail: Tail, retention: RetentionRules): void {
    this.begin = () => super.start(tail, retention);
  }

  /** The node reaches it. */
  reach(): void {
    this.begin();
  }
}
