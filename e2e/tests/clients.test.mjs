// Clients that nobody here wrote, in one room with our page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage } from '../support/browser.mjs';
import { Participant } from '../support/participant.mjs';
import { EVERYONE, GREEN, RED, YELLOW } from '../support/people.mjs';
import { middleColour, nearest } from '../support/pixels.mjs';
import { Client, python, REQUIREMENTS } from '../support/python.mjs';
import { startAll } from '../support/stack.mjs';
import { serveFiles } from '../support/static.mjs';
import { until } from '../support/wait.mjs';

const CLIENTS = new URL('../clients/', import.meta.url);
const NAMES = { domain: 'meet.shoal', muc: 'muc.meet.shoal' };

let stack;

before(async () => {
    stack = await startAll();
});

after(async () => {
    assert.equal(await stack?.stop(), 0);
});

test('lib-jitsi-meet as published and our page see and hear each other', async () => {
    const files = await serveFiles({
        '/': new URL('lib-jitsi-meet/index.html', CLIENTS),
        '/participant.js': new URL('lib-jitsi-meet/participant.js', CLIENTS),
        '/lib-jitsi-meet.min.js': new URL('../node_modules/@solyd/lib-jitsi-meet/dist/umd/lib-jitsi-meet.min.js', import.meta.url),
    });
    const rosa = await Participant.join(RED, `${stack.url}/foreign`);
    const theirs = await openPage(GREEN);
    try {
        const query = new URLSearchParams({ ...NAMES, room: 'foreign', name: GREEN.name, websocket: `ws://localhost:${stack.http}/xmpp-websocket` });
        await theirs.page.goto(`${files.url}/?${query}`);
        const state = () => theirs.page.evaluate(() => ({ ...window.participant, conference: undefined }));
        await until('lib-jitsi-meet has joined', async () => {
            const seen = await state();
            assert.equal(seen.failure, null);
            return { ok: seen.joined, seen };
        });
        await rosa.sees(GREEN);
        await until('lib-jitsi-meet shows our camera', async () => {
            const video = theirs.page.locator('video').first();
            if (!(await video.isVisible().catch(() => false))) return { ok: false, seen: 'no video element' };
            const { person, distance } = nearest(EVERYONE, middleColour(await video.screenshot()));
            return { ok: person === RED && distance < 60, seen: { nearest: person.name, distance } };
        }, { seconds: 40 });
        await theirs.page.screenshot({ path: new URL('../artifacts/clients-lib-jitsi-meet.png', import.meta.url).pathname });
        await rosa.picture('clients-our-page');

        await theirs.page.evaluate(([volume, hertz]) => window.instruments.tone(volume, hertz), [0.5, GREEN.hertz]);
        await rosa.hears();
        await rosa.seesDominant(GREEN);
        await theirs.page.evaluate(() => window.instruments.tone(0));
        await rosa.tone(0.5);
        await until('lib-jitsi-meet hears our tone', async () => {
            const rows = await theirs.page.evaluate(() => window.instruments.stats());
            const energy = rows.filter((row) => row.type === 'inbound-rtp' && row.kind === 'audio').reduce((sum, row) => sum + (row.totalAudioEnergy ?? 0), 0);
            return { ok: energy > 0.01, seen: energy };
        });
        await rosa.say('Hello, other client');
        await until('lib-jitsi-meet reads our chat', async () => (await state()).messages.some(({ text }) => text === 'Hello, other client'));
    } finally {
        await Promise.all([rosa.browser.close(), theirs.browser.close(), files.close()]);
    }
});

test('aiortc joins, sends, receives and counts', async (context) => {
    const command = await python(REQUIREMENTS.aiortc);
    const rosa = await Participant.join(RED, `${stack.url}/counted`);
    const client = new Client(command, [
        new URL('aiortc/participant.py', CLIENTS).pathname,
        ...['--websocket', `ws://localhost:${stack.http}/xmpp-websocket`],
        ...['--domain', NAMES.domain, '--muc', NAMES.muc, '--room', 'counted', '--name', YELLOW.name],
        ...['--colour', YELLOW.colour.join(','), '--seconds', '60'],
    ]);
    try {
        await rosa.tone(0.5);
        await rosa.sees(YELLOW);
        await rosa.hears();
        const seen = await until(
            'aiortc counts sound, pictures of the right colour and channel messages',
            () => {
                const last = client.last ?? {};
                const right = last.colour && nearest(EVERYONE, last.colour).person === RED;
                return { ok: right && last.loud > 20 && last.video > 20 && last.channel.includes('ServerHello'), seen: client.errors || last };
            },
            { seconds: 50 },
        );
        context.diagnostic(`aiortc: ${JSON.stringify(seen.seen)}`);
    } finally {
        await client.stop();
        await rosa.browser.close();
    }
});

test('slixmpp holds a chat over TCP', async () => {
    const command = await python(REQUIREMENTS.slixmpp);
    const client = new Client(command, [new URL('muc_tcp.py', CLIENTS).pathname, '--host', '127.0.0.1', '--port', String(stack.tcp), '--domain', NAMES.domain]);
    assert.equal(await client.ended, 0, client.errors);
});

test('an npm client holds a chat over WebSocket', async () => {
    const client = new Client(process.execPath, [new URL('muc_websocket.mjs', CLIENTS).pathname, `ws://127.0.0.1:${stack.http}/xmpp-websocket`, NAMES.domain]);
    assert.equal(await client.ended, 0, client.errors);
});
