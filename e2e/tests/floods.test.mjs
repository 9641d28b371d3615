// Strangers open connections and leave everything unfinished, beside a call: the people in it notice nothing, memory does
// not grow, everything is closed in its time, and the log says so once.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ARTIFACTS } from '../support/artifacts.mjs';
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

/** Two people who meet until the returned function is called, which tells what they noticed. */
async function call(stack) {
    const args = ['loadtest', `--url=${stack.url}`, '--room-prefix=call-', '--participants=2', '--height=180', '--until-signal'];
    const people = new Client(BINARY, args);
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
