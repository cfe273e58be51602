import { readFileSync } from 'node:fs';

/** Between two looks of the watch, in milliseconds. */
const interval = 5;

/**
 * How long the event loop was held at most. A machine that is busy with something else holds it too, so the time on the
 * clock is told apart from what the thread of the event loop itself did meanwhile: a block is never longer than its CPU time.
 */
export class EventLoop {
  #timer;
  #began;
  #last;
  #cpu = 0;
  #longest = 0;
  #longestByClock = 0;

  begin() {
    this.#longest = this.#longestByClock = 0;
    this.#last = performance.now();
    this.#began = process.cpuUsage();
    this.#cpu = threadTime();
    this.#timer = setInterval(() => this.#look(), interval);
  }

  /** Does what belongs to the measurement itself: it does not count as a block. */
  apart(work) {
    this.#look();
    const result = work();
    this.#last = performance.now();
    this.#cpu = threadTime();
    return result;
  }

  /** In milliseconds. */
  end() {
    this.#look();
    clearInterval(this.#timer);
    return {
      block: this.#longest,
      blockByClock: this.#longestByClock,
      cpu: milliseconds(process.cpuUsage(this.#began)),
    };
  }

  #look() {
    const now = performance.now();
    const byClock = now - this.#last - interval;
    const cpu = threadTime();
    const used = cpu - this.#cpu;
    this.#longestByClock = Math.max(this.#longestByClock, byClock);
    this.#longest = Math.max(this.#longest, Math.min(byClock, used));
    this.#last = now;
    this.#cpu = cpu;
  }
}

/** What this thread has used, in milliseconds: Linux tells it; elsewhere it is what the whole process has used. */
function threadTime() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return milliseconds(process.cpuUsage());
  }
}

function milliseconds({ user, system }) {
  return (user + system) / 1_000;
}
