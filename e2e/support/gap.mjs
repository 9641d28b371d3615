// How long pictures stand still.

/**
 * Watches in the page of `one` for the longest time in which fewer than `count` videos go on. Tells it, in
 * milliseconds, when the returned function is called.
 */
export async function watchGap(one, count) {
    await one.page.evaluate((wanted) => {
        const watch = { longest: 0, good: performance.now(), frames: new Map() };
        watch.look = async () => {
            const rows = (await window.instruments.stats()).filter((row) => row.type === 'inbound-rtp' && row.kind === 'video');
            const frames = new Map(rows.map((row) => [`${row.connection}/${row.ssrc}`, row.framesDecoded ?? 0]));
            const growing = [...frames].filter(([key, decoded]) => decoded > (watch.frames.get(key) ?? 0)).length;
            watch.frames = frames;
            const now = performance.now();
            watch.longest = Math.max(watch.longest, now - watch.good);
            if (growing >= wanted) watch.good = now;
        };
        watch.timer = setInterval(watch.look, 250);
        window.gapWatch = watch;
    }, count);
    return () =>
        one.page.evaluate(() => {
            clearInterval(window.gapWatch.timer);
            return Math.round(window.gapWatch.longest);
        });
}
