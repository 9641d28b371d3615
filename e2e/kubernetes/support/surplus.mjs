// How long bridges run that are not wanted any more.

import { repeatedly } from './repeatedly.mjs';

const EVERY = 250;

export class Surplus {
    #loop;
    #milliseconds = 0;
    #seen = Date.now();

    /** Counts from now on. `wanted` gives the number that the autoscaler has set, `pods` all bridges that are not gone. */
    constructor({ wanted, pods }) {
        this.#loop = repeatedly(async () => {
            const [count, all] = await Promise.all([wanted(), pods()]);
            const now = Date.now();
            this.#milliseconds += Math.max(0, all.length - count) * (now - this.#seen);
            this.#seen = now;
        }, EVERY);
    }

    /** Ends it; gives how many bridge-seconds it were. */
    async stop() {
        await this.#loop.stop();
        return this.#milliseconds / 1000;
    }
}
