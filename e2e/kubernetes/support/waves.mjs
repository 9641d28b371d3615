// A load that comes in waves and goes the other way round than bridges do: who came last, and is on the newest bridges, stays.

import { impact, moment } from './impact.mjs';
import { LoadTest } from './loadtest.mjs';

/** Rooms of two by wave. While all are there they need three bridges, and those who stay need one. */
export const WAVES = { early: 4, middle: 4, late: 3, last: 1 };

export class Waves {
    #label;
    #door;
    #running = new Map();
    /** The reports of those who have left, by wave. */
    reports = new Map();

    constructor(label, door) {
        [this.#label, this.#door] = [label, door];
    }

    /** A wave comes, and everybody of it is in a call. */
    async arrive(wave) {
        const calls = await LoadTest.start(`${this.#label}-${wave}`, { ...this.#door, rooms: WAVES[wave], participants: 2 });
        this.#running.set(wave, calls);
        await calls.everybodyIsIn();
    }

    /** A wave's people hang up. */
    async leave(wave) {
        const calls = this.#running.get(wave);
        this.#running.delete(wave);
        this.reports.set(wave, await calls.stop());
    }

    /** Everybody who is there has what they need. */
    async allWell() {
        for (const calls of this.#running.values()) await calls.everybodyIsIn({ seconds: 90 });
    }

    /** Everybody hangs up, whatever happened. */
    async end() {
        for (const wave of [...this.#running.keys()]) await this.leave(wave).catch(() => {});
    }

    /** This moment, as each wave counts. */
    get now() {
        return new Map([...this.#running].map(([wave, calls]) => [wave, moment(calls)]));
    }

    /** What people noticed until a moment, or from one on of those who were there; of the whole of it without. */
    impact({ from, to } = {}) {
        const there = [...this.reports].filter(([wave]) => !from || from.has(wave));
        const each = there.map(([wave, report]) => impact(report, { from: from?.get(wave) ?? 0, to: to?.get(wave) ?? Infinity }));
        return {
            participants: each.reduce((sum, one) => sum + one.participants, 0),
            moves: each.flatMap((one) => one.moves),
            gaps: each.flatMap((one) => one.gaps),
            away: each.flatMap((one) => one.away),
            interrupted: each.flatMap((one) => one.interrupted),
            worst: each
                .map((one) => one.worst)
                .filter(Boolean)
                .sort((a, b) => b.longest - a.longest)[0],
        };
    }
}
