/** How much media has come of each source: decoded frames, or packets of sound, by the source's name. */
export type Arrivals = ReadonlyMap<string, number>;

/** Milliseconds without media after which a source counts as silent. */
const SILENT_AFTER = 1000;

interface Flow {
  amount: number;
  grewAt: number;
}

/**
 * Decides, while a session takes the place of another, from which of them each source is shown: from
 * the old one as long as its media comes there and not yet over the new one. Knows no connection.
 */
export class Handover {
  readonly #old = new Map<string, Flow>();
  readonly #arrived = new Set<string>();
  #needed: string[] = [];
  #now = 0;

  /**
   * What has come over both so far, at `now` in milliseconds. True when a source is to be shown from
   * another session than before.
   */
  handleArrivals(old: Arrivals, next: Arrivals, now: number): boolean {
    this.#now = now;
    for (const [name, amount] of old) {
      const before = this.#old.get(name)?.amount ?? 0;
      if (amount !== before) this.#old.set(name, { amount, grewAt: now });
    }
    for (const [name, amount] of next) if (amount > 0) this.#arrived.add(name);
    const before = this.#needed;
    this.#needed = [...this.#old.keys()].filter((name) => this.needsOld(name));
    return before.join() !== this.#needed.join();
  }

  /** Another session takes the place of the next one. */
  handleNext(): void {
    this.#arrived.clear();
  }

  /** Whether the source is to be shown from the old session. */
  needsOld(name: string): boolean {
    const flow = this.#old.get(name);
    if (!flow || this.#arrived.has(name)) return false;
    return this.#now - flow.grewAt < SILENT_AFTER;
  }

  /** Whether nothing is shown from the old session any more. */
  get isComplete(): boolean {
    return this.#needed.length === 0;
  }
}
