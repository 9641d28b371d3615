// Strangers open connections and leave everything unfinished, beside a call: the people in it notice nothing, memory does
// not grow, everything is closed in its time, and the log says so once.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { ARTIFACTS } from '../support/artifacts.mjs';
import { flood as beginHandshakes } from '../support/handshakes.mjs';
import { Client } from '../support/python.mjs';
import { BINARY, freePort, startAll } from '../support/stack.mjs';
import { halfBody, halfFrame, Strangers } from '../support/strangers.mjs';
import { until } from '../support/wait.mjs';

/** Deadlines of the listeners, in seconds. */
const DEADLINE = 12;
/** What a busy machine may be late, in milliseconds. */
const LATE = 8_000;
const MEBIBYTE = 1024 * 1024;
/** What memory may grow by, whoever comes. */
const MOST_GROWTH = 64 * MEBIBYTE;

const deadlines = `
[http]
head_seconds = ${DEADLINE}
body_seconds = ${DEADLINE}
idle_seconds = ${DEADLINE}
[signalling.limits]
unauthenticated = ${DEADLINE}
`;

/** Bytes of memory that a process has. */
async function memory(pid) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
}

/** Those whom a test that failed has left in their call. */
const meeting = new Set();
afterEach(() => Promise.all([...meeting].map((people) => people.stop())));

/** Two people who meet until the returned function is called, which tells what they noticed. */
async function call(stack, { room = 'call-', report } = {}) {
    const args = ['loadtest', `--url=${stack.url}`, `--room-prefix=${room}`, '--participants=2', '--height=180', '--until-signal'];
    if (report) args.push(`--report=${report}`);
    const people = new Client(BINARY, args);
    meeting.add(people);
    people.ended.then(() => meeting.delete(people));
    await until('two people are well', () => ({ ok: /2 of them are well/.test(people.errors), seen: people.errors.slice(-200) }), { seconds: 60 });
    return async () => {
        await people.stop();
        assert.equal(await people.ended, 0, people.errors);
    };
}

/** Lines of the log with a warning of the listeners, by what they say. */
async function warnings(label) {
    const text = await readFile(join(ARTIFACTS, `${label}.log`), 'utf8');
    const lines = text.split('\n').filter((line) => line.includes('WARN') && line.includes('told once a minute'));
    const byKind = new Map();
    for (const line of lines) {
        const kind = /WARN \S+ (.*?) \(told/.exec(line)[1] + (/listener="[^"]*"/.exec(line)?.[0] ?? '');
        byKind.set(kind, [...(byKind.get(kind) ?? []), line]);
    }
    return byKind;
}

/** Watches the memory of a process until the returned function is called, which tells by how much it has grown at most. */
async function watchMemory(pid) {
    const before = await memory(pid);
    let [most, over] = [before, false];
    const watching = (async () => {
        while (!over) {
            most = Math.max(most, await memory(pid));
            await new Promise((resolve) => setTimeout(resolve, 200));
        }
    })();
    return async () => {
        over = true;
        await watching;
        return most - before;
    };
}

/** The page answers, within a time that a person would wait. */
async function answers(url) {
    const answer = await fetch(`${url}/config.json`, { signal: AbortSignal.timeout(5_000), headers: { connection: 'close' } });
    assert.equal(answer.status, 200);
}

test('ten thousand idle connections, four thousand half bodies and two thousand half frames beside a call', async (context) => {
    const stack = await startAll({ extra: deadlines });
    let floods = [];
    try {
        const hangUp = await call(stack);
        const grown = await watchMemory(stack.parts.all.pid);
        const port = stack.http;
        floods = [
            await Strangers.flood({ port, count: 10_000, net: 1, addresses: 20 }),
            await Strangers.flood({
                port,
                count: 4_000,
                net: 2,
                addresses: 4,
                speak: (index) => (index % 2 === 0 ? halfBody('/http-bind', 200_000) : halfBody('/conference-request/v1', 2_000)),
            }),
            await Strangers.flood({ port, count: 2_000, net: 3, addresses: 4, speak: (index) => halfFrame(index % 2 === 0 ? 256 * 1024 : 16_000) }),
        ];
        context.diagnostic(`open after the floods: ${floods.map((flood) => flood.open).join(', ')}`);
        await answers(stack.url);
        const longest = await Promise.all(floods.map((flood) => flood.closed()));
        context.diagnostic(`closed after ${longest.join(', ')} ms`);
        for (const time of longest) assert.ok(time < DEADLINE * 1_000 + LATE, `${time} ms`);
        const growth = await grown();
        context.diagnostic(`memory has grown by ${(growth / MEBIBYTE).toFixed(1)} MiB at most`);
        assert.ok(growth < MOST_GROWTH, `${growth} bytes`);
        await answers(stack.url);
        await hangUp();
    } finally {
        for (const flood of floods) flood.destroy();
        assert.equal(await stack.stop(), 0);
    }
    const told = await warnings('all');
    assert.ok(told.size > 0, 'nothing is told');
    for (const [text, lines] of told) assert.equal(lines.length, 1, text);
    context.diagnostic([...told.keys()].join('\n'));
});

/** Packets of sound that each of two people should have heard and did not, as a share. */
async function lostSound(report) {
    const { participants, timeline } = JSON.parse(await readFile(report, 'utf8'));
    const end = timeline.at(-1).at_ms;
    const shares = participants.map(({ received, joined_ms: joined, first_media_ms: first }) => {
        const [{ audio }] = Object.values(received);
        // One packet each 20 ms from the first on, which comes as long after the participant's start as its own report says.
        return 1 - audio / ((end - Math.max(joined, first)) / 20);
    });
    return Math.max(...shares);
}

test('ten thousand handshakes at four hundred a second beside a call', async (context) => {
    const probes = await freePort();
    const stack = await startAll({ web: `private_listen = "127.0.0.1:${probes}"` });
    const report = join(ARTIFACTS, 'handshakes-call.json');
    try {
        const hangUp = await call(stack, { report });
        const grown = await watchMemory(stack.parts.all.pid);
        const flooding = beginHandshakes({ bridge: `http://127.0.0.1:${probes}/bridge`, count: 10_000, perSecond: 400, net: 5 });
        // Others, from another address, meet meanwhile.
        const hangUpOthers = await call(stack, { room: 'other-' });
        const { answered, seconds } = await flooding;
        context.diagnostic(`${answered} of 10000 handshakes were answered in ${seconds} s`);
        assert.ok(answered > 2_000, `${answered}`);
        const growth = await grown();
        context.diagnostic(`memory has grown by ${(growth / MEBIBYTE).toFixed(1)} MiB at most`);
        assert.ok(growth < MOST_GROWTH, `${growth} bytes`);
        const metrics = await (await fetch(`http://127.0.0.1:${probes}/bridge/metrics`)).text();
        const dropped = /^bridge_packets_dropped_total\{reason="handshakes_waiting"\} (\d+)$/m.exec(metrics);
        assert.ok(dropped, metrics);
        context.diagnostic(`${dropped[1]} datagrams of handshakes found no place to wait`);
        await hangUpOthers();
        await hangUp();
        const lost = await lostSound(report);
        context.diagnostic(`${(100 * lost).toFixed(2)} % of the sound was lost`);
        assert.ok(lost < 0.02, `${lost}`);
    } finally {
        assert.equal(await stack.stop(), 0);
    }
});

test('with 256 descriptors strangers are closed, a probe is answered and a call goes on', async (context) => {
    const probes = await freePort();
    const stack = await startAll({ extra: deadlines, web: `private_listen = "127.0.0.1:${probes}"`, descriptors: 256 });
    let flood;
    try {
        const hangUp = await call(stack);
        flood = await Strangers.flood({ port: stack.http, count: 400, net: 4, addresses: 20 });
        await until('some are refused', () => ({ ok: flood.open < 256, seen: flood.open }));
        context.diagnostic(`${flood.open} of 400 are open`);
        assert.ok(flood.open > 50);
        const probe = await fetch(`http://127.0.0.1:${probes}/signalling/about/health`, { signal: AbortSignal.timeout(5_000) });
        assert.equal(probe.status, 200);
        const metrics = await fetch(`http://127.0.0.1:${probes}/signalling/metrics`);
        const counted = /^signalling_listener_refusals_total\{listener="the page",reason="full"\} (\d+)$/m.exec(await metrics.text());
        assert.ok(Number(counted?.[1]) >= 400 - flood.open, `${counted}`);
        assert.ok((await flood.closed()) < DEADLINE * 1_000 + LATE);
        await answers(stack.url);
        await hangUp();
    } finally {
        flood?.destroy();
        assert.equal(await stack.stop(), 0);
    }
    const told = [...(await warnings('all'))];
    const full = told.filter(([text]) => text.includes('limit on open files'));
    assert.equal(full.length, 1, `${told}`);
    for (const [text, lines] of told) assert.equal(lines.length, 1, text);
});
