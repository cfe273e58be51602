import { MemoryBackplane, PushError, type Draft, type Position } from 'nestjs-push';

/** What becomes of an append: nothing is stored, or what is stored is not acknowledged. */
export type AppendFault = 'refuse' | 'store and fail';

/** A backplane in memory that soon forgets message ids, and fails when it is told to. */
export class FaultyBackplane extends MemoryBackplane {
  /** Says what is wrong with an append, if anything is. */
  fault: (draft: Draft) => { readonly as: AppendFault; readonly error: Error } | undefined = () => undefined;

  constructor() {
    super({ rememberMessageIds: 1, maxMessageIds: 2 });
  }

  override async append(draft: Draft): Promise<Position> {
    const fault = this.fault(draft);
    if (fault?.as !== 'refuse') {
      const position = await super.append(draft);
      if (!fault) return position;
    }
    throw fault.error;
  }
}

/** What a backplane says that cannot be reached. */
export const unavailable = () => new PushError('UNAVAILABLE', 'The server did not answer.');

/** What it says when there is too much state. */
export const full = () => new PushError('LIMIT_EXCEEDED', 'There is too much state.');
