import type { Participant } from './roomState';

/** Milliseconds. */
const PATIENCE = 4_000;

/**
 * After a room was lost, everybody comes back into it within moments of each other. Until they have,
 * or some seconds have passed, the people of before stay in sight: nobody left.
 */
export class Gathering {
  #missing: string[] = [];
  #until = 0;

  /** The room is lost; these people were in it. */
  begin(people: readonly Participant[]): void {
    this.#missing = people.filter(({ isLocal }) => !isLocal).map(({ name }) => name);
    this.#until = Number.POSITIVE_INFINITY;
  }

  /** We are back, at `now`. */
  enter(now: number): void {
    if (this.#until === Number.POSITIVE_INFINITY) this.#until = now + PATIENCE;
  }

  /** Milliseconds until others are no longer waited for. */
  patience(now: number): number {
    return Number.isFinite(this.#until) ? Math.max(0, this.#until - now) : PATIENCE;
  }

  /** Whether somebody of before is missing among `people` and may still come. */
  isWaiting(people: readonly Participant[], now: number): boolean {
    if (now >= this.#until) return false;
    const here = people.filter(({ isLocal }) => !isLocal).map(({ name }) => name);
    for (const name of this.#missing) {
      const at = here.indexOf(name);
      if (at < 0) return true;
      here.splice(at, 1);
    }
    this.#until = 0;
    return false;
  }

  /** Whether somebody called `name` comes back rather than anew. */
  isReturn(name: string, now: number): boolean {
    return now < this.#until && this.#missing.includes(name);
  }
}
