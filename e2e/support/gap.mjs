// How long pictures stand still.

/**
 * Watches in the page of `one` for the longest time in which no connection brought `count` videos. Tells it, in
 * milliseconds, when the returned function is called. Without a gap that is the time between two frames of the cameras
 * and two looks.
 */
export async function watchGap(one, count) {
    await one.page.evaluate((wanted) => {
        const watch = { longest: 0, videos: new Map(), over: false };
        const look = async () => {
            const rows = (await window.instruments.stats()).filter((row) => row.type === 'inbound-rtp' && row.kind === 'video');
            const now = performance.now();
            for (const row of rows) {
                const key = `${row.connection}/${row.ssrc}`;
                const before = watch.videos.get(key);
                const frames = row.framesDecoded ?? 0;
                if (frames !== (before?.frames ?? 0)) watch.videos.set(key, { frames, at: before ? now : watch.since });
            }
            const ages = [...Map.groupBy(watch.videos, ([key]) => key.split('/')[0]).values()].map((videos) => {
                const times = videos.map(([, { at }]) => at).sort((a, b) => b - a);
                return now - (times[wanted - 1] ?? watch.since);
            });
            watch.longest = Math.max(watch.longest, Math.min(...ages, now - watch.since));
            if (!watch.over) setTimeout(look, 40);
        };
        watch.since = performance.now();
        void look();
        window.gapWatch = watch;
    }, count);
    return () =>
        one.page.evaluate(() => {
            window.gapWatch.over = true;
            return Math.round(window.gapWatch.longest);
        });
}
