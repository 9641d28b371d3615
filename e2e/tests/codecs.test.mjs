// Each video codec is the sent one in some meeting.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Participant } from '../support/participant.mjs';
import { GREEN, RED } from '../support/people.mjs';
import { startAll } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

let stack;

before(async () => {
    stack = await startAll();
});

after(async () => {
    assert.equal(await stack?.stop(), 0);
});

for (const codec of ['vp8', 'vp9', 'h264', 'av1']) {
    test(`two people meet with ${codec}`, async () => {
        const room = `${stack.url}/Codec-${codec}`;
        const people = [];
        try {
            for (const person of [RED, GREEN]) people.push(await Participant.join(person, room, { query: `?codec=${codec}` }));
            const [rosa, grete] = people;
            await rosa.sees(GREEN);
            await grete.sees(RED);
            for (const one of people) {
                await one.decodes(1);
                await until(`${one.person.name} sends ${codec}`, async () => {
                    const sent = [...(await one.sentCodecs())];
                    return { ok: sent.length === 1 && sent[0] === `video/${codec}`, seen: sent };
                });
            }
            await rosa.picture(`codec-${codec}`);
        } finally {
            await Promise.all(people.map((one) => one.browser.close()));
        }
    });
}
