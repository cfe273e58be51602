import type { Deque } from './deque.js';

interface Run<T extends { readonly sequence: number }> {
  readonly deque: Deque<T>;
  index: number;
  next: T;
}

/** What is in the deques after a sequence, by rising sequence. Takes no more steps than are asked of it. */
export function* merge<T extends { readonly sequence: number }>(
  deques: Iterable<Deque<T>>,
  after: number,
): Generator<T> {
  const heap: Run<T>[] = [];
  for (const deque of deques) {
    const index = deque.after(after);
    const next = deque.at(index);
    if (next) heap.push({ deque, index, next });
  }
  // What is sorted is a heap: no run comes before the one at half its index.
  heap.sort((a, b) => a.next.sequence - b.next.sequence);
  for (let run = heap[0]; run; run = heap[0]) {
    yield run.next;
    const next = run.deque.at(++run.index);
    if (next) run.next = next;
    else {
      const last = heap.pop()!;
      if (heap.length === 0) return;
      if (last !== run) heap[0] = last;
    }
    sink(heap);
  }
}

/** Moves the first run down to where it belongs. */
function sink<T extends { readonly sequence: number }>(heap: Run<T>[]): void {
  const run = heap[0]!;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    const [left, right] = [heap[child], heap[child + 1]];
    if (right && right.next.sequence < left!.next.sequence) child++;
    const smaller = heap[child];
    if (!smaller || smaller.next.sequence >= run.next.sequence) break;
    heap[place] = smaller;
    place = child;
  }
  heap[place] = run;
}
