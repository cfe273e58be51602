import type { Deque } from './deque.js';

interface Run<T extends { readonly sequence: number }> {
  readonly deque: Deque<T>;
  index: number;
  next: T;
}

/**
 * The items of all deques, each from an index on, by rising sequence. Lazy: it works only as far as it is iterated.
 *
 * @param indexOf the first index of a deque
 */
export function* merge<T extends { readonly sequence: number }>(
  deques: Iterable<Deque<T>>,
  indexOf: (deque: Deque<T>) => number,
): Generator<T> {
  const heap: Run<T>[] = [];
  for (const deque of deques) {
    const index = indexOf(deque);
    const next = deque.at(index);
    if (next) heap.push({ deque, index, next });
  }
  // A sorted array is a heap.
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

/** Restores the order of the heap after its first run has moved on. */
function sink<T extends { readonly sequence: number }>(heap: Run<T>[]): void {
  const run = heap[0]!;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    const [left, right] = [heap[child], heap[child + 1]];
    if (right && right.next.sequence < left!.next.sequence) child++;
    const smaller = heap[child];
    if (!smaller || smaller.next.sequence >= run.next.sequence) break;
    heap[index] = smaller;
    index = child;
  }
  heap[index] = run;
}
