/**
 * Waiting times of repeated attempts: `first`, then doubling up to `max`, each shortened by up to
 * half at random so that a whole room does not come back in the same moment. Milliseconds.
 */
export class Backoff {
  #attempt = 0;

  constructor(
    private readonly first: number,
    private readonly max: number,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const full = Math.min(this.max, this.first * 2 ** Math.min(this.#attempt, 20));
    this.#attempt += 1;
    return full * (0.5 + this.random() / 2);
  }

  get attempts(): number {
    return this.#attempt;
  }

  reset(): void {
    this.#attempt = 0;
  }
}
