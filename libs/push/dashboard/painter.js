/** The least time between two paintings, in milliseconds. */
const interval = 250;

/** Paints what has changed: at most four times a second, in an animation frame, and not at all while the page is hidden. */
export class Painter {
  #paint;
  #last = -Infinity;
  #isDue = false;

  /** @param paint paints the whole page */
  constructor(paint) {
    this.#paint = paint;
  }

  /** Something has changed. */
  request() {
    if (this.#isDue) return;
    this.#isDue = true;
    const pause = this.#last + interval - performance.now();
    setTimeout(() => requestAnimationFrame(() => this.now()), Math.max(0, pause));
  }

  /** Paints at once: the operator has done something. */
  now() {
    this.#isDue = false;
    this.#last = performance.now();
    this.#paint();
  }
}
