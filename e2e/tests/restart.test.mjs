// Parts restart under a call: nobody is thrown out, and media is back within seconds. The times are printed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { watchGap } from '../support/gap.mjs';
import { Participant } from '../support/participant.mjs';
import { BLUE, GREEN, RED } from '../support/people.mjs';
import { startParts } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

const GREETING = 'Said before anything happened';

let stack;
let people = [];

before(async () => {
    stack = await startParts({ bridges: 2 });
    for (const person of [RED, GREEN, BLUE]) people.push(await Participant.join(person, `${stack.url}/Restarts`));
    await allSeeAll();
    for (const one of people) await one.page.evaluate(() => (window.sameAsBefore = true));
    await people[0].say(GREETING);
    await people[1].reads(GREETING);
    await people[1].tool('Mute').click();
});

after(async () => {
    await Promise.all(people.map((one) => one.browser.close()));
    await stack?.stop();
});

async function allSeeAll() {
    for (const one of people) {
        for (const other of people.filter((other) => other !== one)) await one.sees(other.person);
    }
}

const connectionsOf = async (one) => new Set([...(await one.videoArrivals()).keys()].map((key) => key.split('/')[0]));

/** Waits until two videos go on in a connection that is not among `old`; milliseconds since `start`. */
async function hasNewMedia(one, old, start) {
    let before = new Map();
    await until(
        `${one.person.name} receives two videos over a new connection`,
        async () => {
            const now = await one.videoArrivals();
            const growing = [...now].filter(([key, frames]) => !old.has(key.split('/')[0]) && frames > (before.get(key) ?? 0));
            before = now;
            return { ok: growing.length >= 2, seen: [...now] };
        },
        { seconds: 40, every: 150 },
    );
    return Date.now() - start;
}

/** Lets something happen to the call; prints for each person when new media came and for how long pictures stood still. */
async function through(context, what, happen) {
    const old = await Promise.all(people.map(connectionsOf));
    const gaps = await Promise.all(people.map((one) => watchGap(one, 2)));
    const start = await happen();
    const times = await Promise.all(people.map((one, index) => hasNewMedia(one, old[index], start)));
    const longest = await Promise.all(gaps.map((gap) => gap()));
    const told = people.map((one, index) => `${one.person.name} ${times[index]} ms (gap in media ${longest[index]} ms)`);
    context.diagnostic(`${what}: ${told.join(', ')}`);
    await nothingWasLost();
    return { times, longest };
}

/** Everybody is in the call as before: same page, same names, same devices, same chat. */
async function nothingWasLost() {
    await allSeeAll();
    for (const one of people) {
        assert.equal(await one.page.evaluate(() => window.sameAsBefore), true, `the page of ${one.person.name} was reloaded`);
        await one.page.getByText(/reconnecting/i).first().waitFor({ state: 'hidden', timeout: 15_000 });
    }
    for (const one of [people[0], people[2]]) await one.seesMuted(GREEN, true);
    await people[1].seesMuted(RED, false);
    assert.equal(await people[1].page.getByRole('list', { name: 'Messages' }).getByText(GREETING).count(), 1, 'the chat is there, once');
}

/** Waits until the call is on one bridge, and tells its index: another one may still hold what a killed focus had no time to end. */
async function usedBridge() {
    const { seen } = await until('all media of the first comes from one bridge', async () => {
        const used = await Promise.all(stack.bridges.map(({ udp }) => people[0].receivesFrom(udp)));
        return { ok: used.filter(Boolean).length === 1, seen: used };
    });
    return seen.indexOf(true);
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

test('kill -9 of signalling, back after 2 s: everybody meets again by itself', async (context) => {
    const { times } = await through(context, 'kill -9 of signalling, new media after it answered', async () => {
        await stack.signalling.kill();
        await pause(2);
        await people[2].say('Said into the outage');
        await stack.restartSignalling();
        return Date.now();
    });
    await people[1].reads('Said into the outage');
    for (const time of times) assert.ok(time < 15_000, `${time} ms`);
});

test('SIGTERM of signalling and a restart: the same', async (context) => {
    await through(context, 'SIGTERM and restart of signalling, new media after it answered', async () => {
        const asked = Date.now();
        assert.equal(await stack.signalling.terminate(), 0);
        assert.ok(Date.now() - asked < 3_000, 'it ends within 3 s');
        await stack.restartSignalling();
        return Date.now();
    });
});

test('kill -9 of signalling and focus together: both come back, and the call does', async (context) => {
    await through(context, 'kill -9 of signalling and focus, new media after both answered', async () => {
        await Promise.all([stack.signalling.kill(), stack.focus.kill()]);
        await stack.restartSignalling();
        await stack.restartFocus();
        return Date.now();
    });
});

test('SIGTERM of the bridge with another one there: everybody moves', async (context) => {
    const used = await usedBridge();
    let ended;
    await through(context, 'SIGTERM of the bridge, new media over the other', () => {
        ended = stack.bridges[used].part.terminate();
        return Date.now();
    });
    assert.equal(await ended, 0);
    assert.equal(await usedBridge(), 1 - used);
    await stack.restartBridge(used);
});

test('SIGTERM of the only bridge: everybody is invited when it is back', async (context) => {
    const last = await usedBridge();
    const spare = stack.bridges[1 - last];
    await spare.part.terminate();
    for (const wait of [0, 3]) {
        await through(context, `SIGTERM of the only bridge, back ${wait} s after its end, new media after it answered`, async () => {
            assert.equal(await stack.bridges[last].part.terminate(), 0);
            await pause(wait);
            await stack.restartBridge(last);
            return Date.now();
        });
    }
});

test('kill -9 of the only bridge, back before its session would have ended and after: everybody is invited anew', async (context) => {
    const last = await usedBridge();
    for (const wait of [0.05, 0.3, 1]) {
        const { times } = await through(context, `kill -9 of the only bridge, started again ${wait} s later, new media after it answered`, async () => {
            await stack.bridges[last].part.kill();
            await pause(wait);
            await stack.restartBridge(last);
            return Date.now();
        });
        for (const time of times) assert.ok(time < 8_000, `${time} ms`);
    }
});
