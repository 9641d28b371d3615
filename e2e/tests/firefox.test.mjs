// Firefox and Chromium in one meeting.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFirefox } from '../support/firefox.mjs';
import { Participant } from '../support/participant.mjs';
import { GREEN, RED } from '../support/people.mjs';
import { outwardAddress, startAll } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

let stack;
let rosa;
let grete;

before(async () => {
    // Firefox offers no candidate on loopback.
    stack = await startAll({ mediaAddress: outwardAddress() });
    const room = `${stack.url}/TwoBrowsers`;
    rosa = await Participant.join(RED, room);
    grete = await Participant.join(GREEN, room, { open: openFirefox });
});

after(async () => {
    await Promise.all([rosa, grete].map((participant) => participant?.browser.close()));
    assert.equal(await stack?.stop(), 0, 'Ctrl-C ends the process cleanly');
});

test('each sees and hears the other', async () => {
    await rosa.sees(GREEN);
    await grete.sees(RED);
    await rosa.tone(0.5);
    await rosa.hears();
    await grete.hears();
    await rosa.decodes(1);
    await grete.decodes(1);
    await grete.picture('firefox');
});

/** Waits until Chromium decodes Firefox's camera, and its height fits. A browser that is short of time scales down. */
async function arrives(what, fits) {
    await until(
        `Rosa gets Grete's camera ${what}`,
        async () => {
            const heights = (await rosa.rows('inbound-rtp', 'video')).map((row) => row.frameHeight ?? 0);
            return { ok: heights.some(fits), seen: heights };
        },
        { seconds: 40 },
    );
}

test('Firefox sends three layers, and the bridge forwards the one that fits', async () => {
    await rosa.page.setViewportSize({ width: 1600, height: 1000 });
    await arrives('large', (height) => height > 360);
    const layers = async () => {
        const rows = await grete.rows('outbound-rtp', 'video');
        return new Map(rows.map((row) => [row.ssrc, row.framesEncoded ?? 0]));
    };
    const before = await layers();
    await until('Firefox encodes three layers', async () => {
        const growing = [...(await layers())].filter(([ssrc, frames]) => frames > (before.get(ssrc) ?? 0));
        return { ok: growing.length === 3, seen: growing };
    });
    await rosa.page.setViewportSize({ width: 360, height: 300 });
    await arrives('small', (height) => height > 0 && height <= 180);
    await rosa.sees(GREEN);
});

test('chat goes both ways, and who leaves is gone', async () => {
    await rosa.say('Hello, fox');
    await grete.tool('Leave').click();
    await rosa.losesSightOf(GREEN);
});

test('no page has complained', () => {
    for (const one of [rosa, grete]) one.hasNoComplaints();
});
