import type { ChildProcess } from 'node:child_process';

/** What a child process can be asked for. */
export type Methods = Record<string, (argument: never) => unknown>;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The methods of a child process, called from its parent. */
export class Remote {
  private readonly calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  private lastId = 0;

  constructor(
    private readonly child: ChildProcess,
    onNotice: (notice: unknown) => void,
  ) {
    child.on('message', (message: Answer | { readonly notice: unknown }) => {
      if ('notice' in message) onNotice(message.notice);
      else this.settle(message);
    });
    child.once('exit', (code) => {
      for (const { reject } of this.calls.values()) reject(new Error(`The process ended (${code}).`));
    });
  }

  call<Result = void>(method: string, argument: unknown = null): Promise<Result> {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      this.calls.set(id, { resolve, reject });
      this.child.send({ id, method, argument } satisfies Call);
    });
  }

  /** Without an answer. */
  tell(method: string, argument: unknown): void {
    this.child.send({ id: 0, method, argument } satisfies Call);
  }

  private settle({ id, result, error }: Answer): void {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error === undefined) call?.resolve(result as never);
    else call?.reject(new Error(error));
  }
}

/** In the child: answers what the parent calls, and ends with it. */
export function answer(methods: Methods): void {
  process.once('disconnect', () => process.exit());
  process.on('message', (call: Call) => void respond(methods, call));
}

/** In the child: tells the parent something that it did not ask for. */
export function notify(notice: unknown): void {
  // The parent may be gone, and this process is then about to be.
  process.send?.({ notice }, undefined, undefined, () => undefined);
}

async function respond(methods: Methods, { id, method, argument }: Call): Promise<void> {
  try {
    const result = await methods[method]!(argument as never);
    if (id > 0) process.send?.({ id, result } satisfies Answer);
  } catch (error) {
    process.send?.({ id, error: (error as Error).stack ?? String(error) } satisfies Answer);
  }
}
