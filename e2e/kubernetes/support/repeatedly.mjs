// Work that goes on beside a test.

/** Does `work` over and over, `every` milliseconds after it was done, until `stop`. What fails is tried again. */
export function repeatedly(work, every) {
    let timer;
    let ended = false;
    let running;
    const once = async () => {
        await work().catch(() => {});
        if (!ended) timer = setTimeout(again, every);
    };
    const again = () => {
        running = once();
    };
    again();
    return {
        async stop() {
            ended = true;
            clearTimeout(timer);
            await running;
        },
    };
}
