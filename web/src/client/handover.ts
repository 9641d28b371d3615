/** How much media has come of each source: decoded frames, or packets of sound, by the source's name. */
export type Arrivals = ReadonlyMap<string, number>;

/** Milliseconds without media after which a source counts as silent. */
const SILENT_AFTER = 1000;
/** Milliseconds without media after which the first of the new session is better than to wait. */
const HALTING_AFTER = 300;
/** Looks at which a source must have grown before it is shown from the new session: a first frame may come alone. */
const STEADY = 3;

interface Flow {
  amount: number;
  grewAt: number;
  growths: number;
}

/**
 * Decides, while a session takes the place of another, from which of them each source is shown: from
 * the old one as long as its media comes there and not yet over the new one. Knows no connection.
 */
export class Handover {
  readonly #old = new Map<string, Flow>();
  readonly #next = new Map<string, Flow>();
  #needed: string[] = [];
  #now = 0;

  /**
   * What has come over both so far, at `now` in milliseconds. True when a source is to be shown from
   * another session than before.
   */
  handleArrivals(old: Arrivals, next: Arrivals, now: number): boolean {
    this.#now = now;
    follow(this.#old, old, now);
    follow(this.#next, next, now);
    const before = this.#needed;
    this.#needed = [...this.#old.keys()].filter((name) => this.needsOld(name));
    return before.join() !== this.#needed.join();
  }

  /** Another session takes the place of the next one. */
  handleNext(): void {
    this.#next.clear();
  }

  /** Whether the source is to be shown from the old session. */
  needsOld(name: string): boolean {
    const flow = this.#old.get(name);
    if (!flow) return false;
    const silence = this.#now - flow.grewAt;
    const growths = this.#next.get(name)?.growths ?? 0;
    if (growths >= (silence < HALTING_AFTER ? STEADY : 1)) return false;
    return silence < SILENT_AFTER;
  }

  /** Whether nothing is shown from the old session any more. */
  get isComplete(): boolean {
    return this.#needed.length === 0;
  }
}

function follow(flows: Map<string, Flow>, arrivals: Arrivals, now: number): void {
  for (const [name, amount] of arrivals) {
    const { amount: before, growths } = flows.get(name) ?? { amount: 0, growths: 0 };
    if (amount !== before) flows.set(name, { amount, grewAt: now, growths: growths + 1 });
  }
}
