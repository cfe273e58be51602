/** Between two looks of the watch, in milliseconds. */
const interval = 5;

/**
 * How long the event loop was held at most. A machine that is busy with something else holds it too, so the time on the
 * clock is told apart from what the process itself did meanwhile: a block is never longer than the CPU time within it.
 */
export class EventLoop {
  #timer;
  #began;
  #last;
  #cpu;
  #longest = 0;
  #longestByClock = 0;

  begin() {
    this.#longest = this.#longestByClock = 0;
    this.#last = performance.now();
    this.#began = this.#cpu = process.cpuUsage();
    this.#timer = setInterval(() => this.#look(), interval);
  }

  /** Does what belongs to the measurement itself: it does not count as a block. */
  apart(work) {
    this.#look();
    const result = work();
    this.#last = performance.now();
    this.#cpu = process.cpuUsage();
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
    const used = milliseconds(process.cpuUsage(this.#cpu));
    this.#longestByClock = Math.max(this.#longestByClock, byClock);
    this.#longest = Math.max(this.#longest, Math.min(byClock, used));
    this.#last = now;
    this.#cpu = process.cpuUsage();
  }
}

function milliseconds({ user, system }) {
  return (user + system) / 1_000;
}
