// The parts as processes of their own: three people meet, and their bridge dies.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Participant } from '../support/participant.mjs';
import { BLUE, GREEN, RED } from '../support/people.mjs';
import { startParts } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

let stack;
let people = [];

before(async () => {
    stack = await startParts({ bridges: 2 });
});

after(async () => {
    await Promise.all(people.map((one) => one.browser.close()));
    await stack?.stop();
});

async function allSeeAll(options) {
    for (const one of people) {
        for (const other of people.filter((other) => other !== one)) await one.sees(other.person, options);
    }
}

test('three people meet over signalling, focus, bridge and web as processes', async () => {
    const room = `${stack.url}/SeparateParts`;
    for (const person of [RED, GREEN, BLUE]) people.push(await Participant.join(person, room));
    await allSeeAll();
    await people[0].tone(0.5);
    await people[1].hears();
    for (const one of people.slice(1)) await one.seesDominant(RED);
    for (const one of people) await one.decodes(2);
});

test('kill -9 of their bridge: everyone has media again over the other one', async (context) => {
    const used = await stack.busyBridge();
    const before = await Promise.all(people.map((one) => one.videoArrivals()));
    await stack.bridges[used].part.kill();
    const killed = Date.now();
    const times = await Promise.all(
        people.map(async (one, index) => {
            await until(
                `${one.person.name} receives two new videos`,
                async () => {
                    const now = await one.videoArrivals();
                    const fresh = [...now].filter(([track, frames]) => frames > (before[index].get(track) ?? 0) + 3);
                    return { ok: fresh.length >= 2 && (await one.receivesFrom(stack.bridges[1 - used].udp)), seen: [...now] };
                },
                { seconds: 40, every: 100 },
            );
            return Date.now() - killed;
        }),
    );
    context.diagnostic(`media back after kill -9 of the bridge: ${people.map((one, index) => `${one.person.name} ${times[index]} ms`).join(', ')}`);
    await allSeeAll();
    await people[0].picture('parts-after-bridge-loss');
});

test('kill -9 of focus: media goes on, and its successor takes the room over', async (context) => {
    const connections = async (one) => new Set([...(await one.videoArrivals()).keys()].map((key) => key.split('/')[0]));
    // The session with the bridge that died is kept for a moment, for the bridge might be alive.
    const { seen: before } = await until('one connection is left', async () => {
        const left = await connections(people[0]);
        return { ok: left.size === 1, seen: left };
    });
    await stack.focus.kill();
    for (const one of people) await one.decodes(2);
    const start = Date.now();
    await stack.restartFocus();
    const last = people.pop();
    await last.page.goto('about:blank');
    for (const one of people) await one.losesSightOf(BLUE);
    await last.browser.close();
    const again = await Participant.join(BLUE, `${stack.url}/SeparateParts`);
    people.push(again);
    await allSeeAll();
    context.diagnostic(`a newcomer is in after focus came back: ${Date.now() - start} ms`);
    assert.deepEqual(await connections(people[0]), before, 'nobody was invited anew');
});
