// Waiting for a condition, never for a time.

/**
 * Asks `probe` until it is content; the error tells what was seen last. A probe answers with a
 * truth value, or with `{ ok, seen }` where there is something to tell.
 */
export async function until(what, probe, { seconds = 30, every = 200 } = {}) {
    const deadline = Date.now() + seconds * 1000;
    let seen;
    do {
        seen = await probe();
        const content = seen !== null && typeof seen === 'object' && 'ok' in seen ? seen.ok : seen;
        if (content) return seen;
        await new Promise((resolve) => setTimeout(resolve, every));
    } while (Date.now() < deadline);
    throw new Error(`not within ${seconds} s: ${what} (last seen: ${JSON.stringify(seen?.seen ?? seen)})`);
}
