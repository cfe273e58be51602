import { PushError } from 'nestjs-push';

/** What a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<PushError> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (error instanceof PushError) return error;
  throw new Error(`It was not refused: ${String(error)}`);
}
