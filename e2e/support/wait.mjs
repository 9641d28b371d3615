// Waiting for a condition, never for a time.

/** Asks `probe` until it gives something truthy; the error tells what was seen last. */
export async function until(what, probe, { seconds = 30, every = 200 } = {}) {
    const deadline = Date.now() + seconds * 1000;
    let seen;
    do {
        seen = await probe();
        if (seen?.ok ?? seen) return seen;
        await new Promise((resolve) => setTimeout(resolve, every));
    } while (Date.now() < deadline);
    throw new Error(`not within ${seconds} s: ${what} (last seen: ${JSON.stringify(seen?.seen ?? seen)})`);
}
