import { sequenceOf } from './lane.js';

/** An item of a queue or, in a lane, the sequence of one that is gone. */
type Item = { readonly sequence: number } | number;

/** Items by rising sequence. */
interface Items<T extends Item> {
  at(index: number): T | undefined;
}

interface Run<T extends Item> {
  readonly items: Items<T>;
  index: number;
  next: T;
  sequence: number;
}

/**
 * The items of all queues, each from an index on, by rising sequence. Lazy: it works only as far as it is iterated.
 *
 * @param indexOf the first index of a queue
 */
export function* merge<T extends Item, Queue extends Items<T>>(
  queues: Iterable<Queue & Items<T>>,
  indexOf: (queue: Queue) => number,
): Generator<T> {
  const heap: Run<T>[] = [];
  for (const items of queues) {
    const index = indexOf(items);
    const next = items.at(index);
    if (next !== undefined) heap.push({ items, index, next, sequence: sequenceOf(next) });
  }
  // A sorted array is a heap.
  heap.sort((a, b) => a.sequence - b.sequence);
  for (let run = heap[0]; run; run = heap[0]) {
    yield run.next;
    const next = run.items.at(++run.index);
    if (next !== undefined) {
      run.next = next;
      run.sequence = sequenceOf(next);
    } else {
      const last = heap.pop()!;
      if (heap.length === 0) return;
      if (last !== run) heap[0] = last;
    }
    sink(heap);
  }
}

/** Restores the order of the heap after its first run has moved on. */
function sink<T extends Item>(heap: Run<T>[]): void {
  const run = heap[0]!;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    const [left, right] = [heap[child], heap[child + 1]];
    if (right && right.sequence < left!.sequence) child++;
    const smaller = heap[child];
    if (!smaller || smaller.sequence >= run.sequence) break;
    heap[index] = smaller;
    index = child;
  }
  heap[index] = run;
}
