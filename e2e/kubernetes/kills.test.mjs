// kill -9 under running calls: of a bridge, of the focus, of signalling; and the focus's pod is deleted.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { remove } from './support/api.mjs';
import { carrying } from './support/bridges.mjs';
import { killPod, needsOwnNodes } from './support/environment.mjs';
import { figure } from './support/figures.mjs';
import { impact, moment, p95, tellImpact } from './support/impact.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { ensureService, frontDoor, NAMESPACE, podsOf, settled, SHARD } from './support/service.mjs';

const ROOMS = 8;
const PARTICIPANTS = 3;
const PEOPLE = ROOMS * PARTICIPANTS;
/** Milliseconds after which everybody of a dead bridge is back on another one. */
const BACK = 3000;

let calls;
/** What was done, with the moments between which its effects lie. */
const incidents = [];

before(ensureService);

after(async () => {
    await calls?.stop().catch(() => {});
    await ensureService();
});

test('eight calls of three begin', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    calls = await LoadTest.start('kills', { ...(await frontDoor()), rooms: ROOMS, participants: PARTICIPANTS, senders: 2 });
    await calls.everybodyIsIn();
});

/** Does something to the service, and waits until everybody is well and everything runs again. */
async function incident(name, strike, { moved } = {}) {
    const from = moment(calls);
    await strike();
    await settled();
    await calls.everybodyIsIn();
    incidents.push({ name, from, to: moment(calls), moved });
}

async function kill(pod) {
    const killed = await killPod(pod);
    assert.ok(killed >= 1, `a process of ${pod.metadata.name} was killed`);
}

test('kill -9 of the bridge with the most people', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    const [fullest] = await carrying(PEOPLE);
    assert.ok(fullest.participants > 0);
    await incident('kill -9 of a bridge', () => kill(fullest.pod), { moved: fullest.participants });
});

test('kill -9 of the focus', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    const [focus] = await podsOf('focus', { shard: SHARD });
    await incident('kill -9 of the focus', () => kill(focus));
});

test('deletion of the pod of the focus', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    const [focus] = await podsOf('focus', { shard: SHARD });
    await incident('deletion of the pod of the focus', () => remove('pods', focus.metadata.name, NAMESPACE));
});

test('kill -9 of signalling', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    const [signalling] = await podsOf('signalling', { shard: SHARD });
    await incident('kill -9 of signalling', () => kill(signalling));
});

test('what the people in the calls noticed', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    assert.equal(incidents.length, 4, 'everything was struck');
    const report = await calls.stop();
    calls = null;
    const seen = new Map();
    for (const one of incidents) {
        seen.set(one.name, impact(report, one));
        await tellImpact(context, one.name, seen.get(one.name), one.moved);
    }
    assert.equal(report.totals.joined, PEOPLE);

    const bridge = seen.get('kill -9 of a bridge');
    const back = p95(bridge.gaps);
    await figure(context, `kill -9 of a bridge: 95 % of its people had media again after ${back} ms`);
    assert.ok(bridge.gaps.length >= incidents[0].moved, 'everybody on the bridge noticed its end');
    assert.ok(back <= BACK, `back on another bridge within ${BACK} ms (p95): ${back} ms`);
    assert.deepEqual(bridge.interrupted, [], 'a dead bridge: nobody is interrupted');

    for (const name of ['kill -9 of the focus', 'deletion of the pod of the focus']) {
        assert.deepEqual(seen.get(name).interrupted, [], `${name}: nobody is interrupted`);
    }
    // They walk in anew by themselves, and media is away for as long as that takes.
    assert.deepEqual(seen.get('kill -9 of signalling').cut, [], 'signalling dies: nobody is without media for more than 5 s');
});
