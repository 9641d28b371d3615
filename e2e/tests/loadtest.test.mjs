// A browser meets a participant of the load test: what that one plays is really sound and picture.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Participant } from '../support/participant.mjs';
import { RED } from '../support/people.mjs';
import { Client } from '../support/python.mjs';
import { BINARY, startAll } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

let stack;

before(async () => {
    stack = await startAll();
});

after(async () => {
    assert.equal(await stack?.stop(), 0);
});

test('a browser sees and hears what a scripted participant plays', async (context) => {
    const rosa = await Participant.join(RED, `${stack.url}/played-1`);
    const args = ['loadtest', `--url=${stack.url}`, '--room-prefix=played-', '--participants=1', '--until-signal'];
    const player = new Client(BINARY, args);
    try {
        await rosa.decodes(1);
        const { seen } = await until('the picture grows to the size that the page shows', async () => {
            const rows = await rosa.rows('inbound-rtp', 'video');
            const pictures = rows.map(({ frameWidth, frameHeight, framesDecoded }) => ({ frameWidth, frameHeight, framesDecoded }));
            return { ok: pictures.some(({ frameWidth, frameHeight }) => frameWidth === 1280 && frameHeight === 720), seen: pictures };
        });
        // Two rounds of the recording: it goes on after its end.
        await until('the recording is decoded beyond its end', async () => {
            const more = (await rosa.framesDecoded()) - seen[0].framesDecoded;
            return { ok: more > 240, seen: more };
        });
        await rosa.hears();
        const [sound] = await rosa.rows('inbound-rtp', 'audio');
        assert.ok(sound.totalSamplesReceived > 48_000, `${sound.totalSamplesReceived} samples`);
        await rosa.picture('loadtest');
        context.diagnostic(JSON.stringify({ pictures: seen, samples: sound.totalSamplesReceived, energy: sound.totalAudioEnergy }));
    } finally {
        await player.stop();
        await rosa.browser.close();
    }
    assert.equal(await player.ended, 0, player.errors);
});
