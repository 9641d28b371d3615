// The image of every part is changed, one part after the other, while people are in calls: what they noticed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kubectl, patch } from './support/api.mjs';
import { needsOwnNodes, retag } from './support/environment.mjs';
import { figure, secondsSince, spread } from './support/figures.mjs';
import { LoadTest, noticed } from './support/loadtest.mjs';
import { DEPLOYMENT, operators } from './support/operator.mjs';
import { imageOf, of, rolledOut, secondName } from './support/rollout.mjs';
import { CLUSTER, ensureService, frontDoor, NAMESPACE, POOL, settled, SHARD, SYSTEM } from './support/service.mjs';

const image = (name) => ({ image: name });

/** The parts, with how a person gives each another image, and which of its effects are none. */
const PARTS = [
    {
        name: 'operator',
        pods: operators,
        change: (name) => kubectl(['--namespace', SYSTEM, 'set', 'image', `deployment/${DEPLOYMENT}`, `operator=${name}`]),
        unnoticed: true,
    },
    {
        name: 'web',
        pods: of('web'),
        change: (name) => patch('jitsiclusters', CLUSTER, NAMESPACE, { spec: { web: { pods: image(name) } } }),
        unnoticed: true,
    },
    {
        name: 'front door',
        pods: of('front-door'),
        container: 'haproxy',
        change: (name) => patch('jitsiclusters', CLUSTER, NAMESPACE, { spec: { frontDoor: { pods: image(name) } } }),
        // A WebSocket ends with its proxy. Its session goes on over the other one, so the others see nothing.
        resumed: true,
    },
    {
        name: 'signalling',
        pods: of('signalling', { shard: SHARD }),
        change: (name) => patch('jitsishards', SHARD, NAMESPACE, { spec: { signalling: image(name) } }),
    },
    {
        name: 'bridge',
        pods: of('bridge', { pool: POOL }),
        change: (name) => patch('bridgepools', POOL, NAMESPACE, { spec: { pods: image(name) } }),
    },
    {
        name: 'focus',
        pods: of('focus', { shard: SHARD }),
        change: (name) => patch('jitsishards', SHARD, NAMESPACE, { spec: { focus: { pods: image(name) } } }),
        // The successor finds every conference again.
        unnoticed: true,
    },
];

/** Milliseconds for which a machine of two cores that also starts pods may halt everything, with no cause to be found. */
const HALT = 500;

let calls;
const windows = [];

before(ensureService);

after(async () => {
    await calls?.stop().catch(() => {});
    // What a test set on an object that is not an example's: the operator's Deployment.
    await kubectl(['--namespace', SYSTEM, 'rollout', 'undo', `deployment/${DEPLOYMENT}`]).catch(() => {});
    await ensureService();
});

test('six calls of three begin', async (context) => {
    if (needsOwnNodes(context, 'a second name for an image')) return;
    const { url, connect } = await frontDoor();
    calls = await LoadTest.start('rolling', { url, connect, rooms: 6, participants: 3, senders: 2 });
    await calls.everybodyIsIn();
});

/** Gives a part another image, and waits until it runs and everybody is well; tells when that was. */
async function rollOut(part, context) {
    const pods = await part.pods();
    const old = imageOf(pods[0], part.container);
    const next = secondName(old);
    await retag(old, next);
    const [from, start] = [calls.now, Date.now()];
    await part.change(next);
    await rolledOut(part.name, part.pods, next, pods.length);
    await settled();
    await figure(context, `new image of the ${part.name} (${pods.length} pods) rolled out in ${secondsSince(start)}`);
    await calls.everybodyIsIn({ seconds: 60 });
    return { part, from, to: calls.now };
}

/** Shows what was noticed while a part was rolled out. */
async function tell(context, report, { part, from, to }) {
    const { gaps, interruptions } = noticed(report, from, to);
    const rejoined = interruptions.filter((one) => !one.resumed).length;
    await figure(
        context,
        `new ${part.name}: media away ${spread(gaps.map((gap) => gap.length_ms))}; signalling away ` +
            `${spread(interruptions.map((one) => one.length_ms))} (${rejoined} rejoined)`,
    );
    context.diagnostic(JSON.stringify({ part: part.name, from, to, gaps: gaps.slice(0, 5), interruptions: interruptions.slice(0, 5) }));
    return { gaps, interruptions };
}

for (const part of PARTS) {
    test(`a new image of the ${part.name} is rolled out under the calls`, async (context) => {
        if (needsOwnNodes(context, 'a second name for an image')) return;
        windows.push(await rollOut(part, context));
    });
}

test('nobody was thrown out, and what the participants noticed', async (context) => {
    if (needsOwnNodes(context, 'a second name for an image')) return;
    const report = await calls.stop();
    calls = null;
    for (const window of windows) await tell(context, report, window);
    const { totals } = report;
    await figure(context, `after new images of all parts: ${totals.cut} of ${totals.participants} thrown out`);
    assert.equal(totals.joined, 18);
    assert.equal(totals.cut, 0, 'nobody is thrown out');
    assert.equal(windows.length, PARTS.length, 'every part was rolled out');
    for (const { part, from, to } of windows.filter(({ part }) => part.unnoticed || part.resumed)) {
        const { gaps, interruptions } = noticed(report, from, to);
        const felt = gaps.filter((gap) => gap.cause !== 'unknown' || gap.length_ms > HALT);
        assert.deepEqual(felt, [], `a new ${part.name}: media goes on`);
        const left = part.resumed ? interruptions.filter((one) => !one.resumed) : interruptions;
        assert.deepEqual(left, [], `a new ${part.name}: nobody leaves the room`);
    }
});
