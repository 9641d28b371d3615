// Headless participants: `shoal loadtest`, run here and judged by its report.

import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { ARTIFACTS } from '../../support/artifacts.mjs';
import { until } from '../../support/wait.mjs';
import { SHOAL } from './environment.mjs';

export class LoadTest {
    #process;
    #report;
    #ended;
    #text = '';

    /**
     * Starts it. `connect` are `ADDRESS:PORT`s over which the participants of a room alternate. It goes on until it is
     * stopped, unless `duration` (such as `10s`) is given. Its page with plots goes to the artifacts.
     */
    static async start(label, { url, connect, rooms, participants, senders, height, media = true, duration, ramp, breakBeforeMake }) {
        const test = new LoadTest();
        const folder = join(ARTIFACTS, 'kubernetes');
        await mkdir(folder, { recursive: true });
        test.#report = join(folder, `${label}.json`);
        await rm(test.#report, { force: true });
        const args = ['loadtest', `--url=${url}`, '--insecure', `--rooms=${rooms}`, `--participants=${participants}`];
        // Rooms of a name that nobody had: front doors remember where a room was.
        args.push(`--room-prefix=${label}-${Date.now().toString(36)}-`, `--report=${test.#report}`);
        args.push(...connect.map((address) => `--connect=${address}`));
        args.push(duration ? `--duration=${duration}` : '--until-signal');
        if (ramp) args.push(`--ramp=${ramp}`);
        if (senders !== undefined) args.push(`--senders=${senders}`);
        if (height) args.push(`--height=${height}`);
        if (!media) args.push('--no-media');
        if (breakBeforeMake) args.push('--break-before-make');
        args.push(`--html=${join(folder, `${label}.html`)}`);
        test.of = rooms * participants;
        test.label = label;
        test.started = Date.now();
        test.#process = spawn(SHOAL, args, { stdio: ['ignore', 'pipe', 'pipe'] });
        const log = createWriteStream(join(folder, `${label}.log`));
        for (const stream of [test.#process.stdout, test.#process.stderr]) {
            stream.pipe(log, { end: false });
            stream.on('data', (data) => (test.#text = `${test.#text}${data}`.slice(-20_000)));
        }
        const kill = () => test.#process.kill('SIGKILL');
        process.once('exit', kill);
        test.#ended = new Promise((resolve) =>
            test.#process.once('exit', (code) => {
                process.off('exit', kill);
                resolve({ code });
            }),
        );
        return test;
    }

    /** Milliseconds since it started, as its report counts. */
    get now() {
        return Date.now() - this.started;
    }

    /** What it said last: after how many of its seconds, how many participants were in their room and had what they need. */
    get progress() {
        const said = [...this.#text.matchAll(/(\d+) s: \d+ of \d+ are in their room, (\d+) of them are well/g)].at(-1);
        return said ? { seconds: Number(said[1]), well: Number(said[2]) } : { seconds: 0, well: 0 };
    }

    /** Waits for its word that everybody is in (and connected, where there is media), said from now on. */
    everybodyIsIn({ seconds = 60 } = {}) {
        const from = this.now / 1000;
        const what = `all ${this.of} participants of ${this.label} are in`;
        return this.#until(what, (said) => said.seconds > from && said.well === this.of, seconds);
    }

    async #until(what, content, seconds) {
        const ended = this.#ended.then(({ code }) => {
            throw new Error(`the load test ended early with ${code}: ${this.#text.slice(-2000)}`);
        });
        // Its end later on is no error.
        ended.catch(() => {});
        const probe = () => ({ ok: content(this.progress), seen: this.progress });
        await Promise.race([until(what, probe, { seconds }), ended]);
    }

    /** Ends it without a farewell, as a crash would. */
    kill() {
        this.#process.kill('SIGKILL');
    }

    /** Ends it as Ctrl-C does. */
    stop() {
        this.#process.kill('SIGINT');
        return this.report();
    }

    /** Its report, when it has ended; the exit code is `code`. */
    async report() {
        const { code } = await this.#ended;
        const report = await readFile(this.#report, 'utf8').catch(() => null);
        if (report === null) throw new Error(`the load test ended with ${code} and without a report: ${this.#text.slice(-2000)}`);
        return { code, ...JSON.parse(report) };
    }
}

/**
 * What participants noticed between two moments of a run: gaps in media and interruptions of signalling that began then.
 * Gaps for which this machine was too busy to play the participants are no fault of the service.
 */
export function noticed(report, from, to) {
    const within = ({ at_ms: at }) => at >= from && at < to;
    return {
        gaps: report.participants.flatMap((one) => one.gaps).filter((gap) => within(gap) && gap.cause !== 'tester'),
        interruptions: report.participants.flatMap((one) => one.interruptions).filter(within),
    };
}
