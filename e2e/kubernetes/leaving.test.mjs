// Every way in which a bridge leaves but scale-down: an eviction, a new image, a node that is drained, one that is taken away at
// short notice. Nobody is interrupted.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { kubectl, list, patch, path, read, request } from './support/api.mjs';
import { bridges, carrying } from './support/bridges.mjs';
import { needsOwnNodes, retag } from './support/environment.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import { impact, moment, tellImpact } from './support/impact.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { imageOf, of, rolledOut, secondName } from './support/rollout.mjs';
import { ensureService, frontDoor, isReady, NAMESPACE, POOL, settled } from './support/service.mjs';

const ROOMS = 8;
const PARTICIPANTS = 3;
const PEOPLE = ROOMS * PARTICIPANTS;
const BRIDGES = 3;
/** How clouds' agents announce the end of a spot node, and how long before it. */
const NOTICE = 'aws-node-termination-handler/spot-itn';
const NOTICE_SECONDS = 120;

let calls;
/** The node that was drained, and the one whose end was announced. */
let drained;
let announced;
/** What was done, with the moments between which its effects lie. */
const departures = [];

before(async () => {
    await ensureService();
    await patch('bridgepools', POOL, NAMESPACE, { spec: { replicas: BRIDGES } });
    await settled();
});

after(async () => {
    await calls?.stop().catch(() => {});
    if (drained) await kubectl(['uncordon', drained]);
    if (announced) await kubectl(['taint', 'nodes', announced, `${NOTICE}-`]);
    await ensureService();
});

test('eight calls of three begin on three bridges', async () => {
    calls = await LoadTest.start('leaving', { ...(await frontDoor()), rooms: ROOMS, participants: PARTICIPANTS, senders: 2 });
    await calls.everybodyIsIn();
    await carrying(PEOPLE);
});

/** Has bridges leave, and waits until everybody is well and everything runs again. */
async function departure(context, name, moved, leave) {
    const [from, start] = [moment(calls), Date.now()];
    await leave();
    await figure(context, `${name}: ${moved} people on what left, gone after ${secondsSince(start)}`);
    await settled();
    await calls.everybodyIsIn();
    departures.push({ name, from, to: moment(calls), moved });
}

/** Asks for the eviction of a pod, as `kubectl drain` does, until its budget allows it and the pod is gone. */
async function evict(pod) {
    const { name, namespace, uid } = pod.metadata;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    await until(
        `${name} is evicted`,
        async () => {
            const live = await read('pods', name, namespace);
            if (live?.metadata.uid !== uid) return true;
            if (live.metadata.deletionTimestamp) return { ok: false, seen: 'it ends' };
            const { status, body } = await request('POST', `${path('pods', { name, namespace })}/eviction`, eviction);
            assert.ok([201, 404, 429].includes(status), `${status} ${body.message}`);
            return { ok: false, seen: body.message ?? status };
        },
        { seconds: 120, every: 500 },
    );
}

test('the fullest bridge is evicted', async (context) => {
    const [fullest] = await carrying(PEOPLE);
    assert.ok(fullest.participants > 0);
    await departure(context, 'an eviction of a bridge', fullest.participants, () => evict(fullest.pod));
});

test('a new image of the pool is rolled out', async (context) => {
    if (needsOwnNodes(context, 'a second name for an image')) return;
    const old = imageOf((await bridges())[0].pod);
    const next = secondName(old);
    await retag(old, next);
    await departure(context, 'a new image of a pool', PEOPLE, async () => {
        await patch('bridgepools', POOL, NAMESPACE, { spec: { pods: { image: next } } });
        await rolledOut('the pool', of('bridge', { pool: POOL }), next, BRIDGES);
    });
});

/** The node with the most people on its bridges, and how many; skips the test and gives null where there is no other node. */
async function fullestNode(context) {
    if ((await list('nodes')).filter(isReady).length < 2) {
        context.skip('there is only one node');
        return null;
    }
    const people = new Map();
    for (const { pod, participants } of await carrying(PEOPLE)) {
        people.set(pod.spec.nodeName, (people.get(pod.spec.nodeName) ?? 0) + participants);
    }
    const [[name, participants]] = [...people].sort((a, b) => b[1] - a[1]);
    assert.ok(participants > 0);
    return { name, participants };
}

const bridgesOn = async (node) => (await bridges()).filter(({ pod }) => pod.spec.nodeName === node);

test('kubectl drain of the node with the most people', async (context) => {
    const node = await fullestNode(context);
    if (!node) return;
    drained = node.name;
    const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=180s'];
    await departure(context, 'kubectl drain of a node', node.participants, () =>
        kubectl(['drain', node.name, `--pod-selector=shoal.video/pool=${POOL}`, ...options]),
    );
    const left = await bridgesOn(node.name);
    assert.deepEqual(left.map((one) => one.name), [], 'no bridge is on the drained node');
    await kubectl(['uncordon', drained]);
    drained = null;
});

test('the node with the most people is a spot node and gets its notice', async (context) => {
    const node = await fullestNode(context);
    if (!node) return;
    announced = node.name;
    const name = 'notice of the end of a spot node';
    await departure(context, name, node.participants, async () => {
        const start = Date.now();
        await kubectl(['taint', 'nodes', announced, `${NOTICE}=true:NoSchedule`]);
        await until(
            'nobody is on its bridges',
            async () => {
                const there = await bridgesOn(announced);
                return { ok: there.every((one) => one.participants === 0), seen: there.map((one) => `${one.name}: ${one.participants}`) };
            },
            { seconds: NOTICE_SECONDS },
        );
        await figure(context, `${name}: nobody is on its bridges after ${secondsSince(start)} of ${NOTICE_SECONDS} s`);
        // The node goes, and its processes with it.
        const names = (await bridgesOn(announced)).map((one) => one.name);
        if (names.length > 0) await kubectl(['--namespace', NAMESPACE, 'delete', 'pods', ...names, '--force', '--grace-period=0']);
        await until(
            'the bridges are on another node',
            async () => (await bridgesOn(announced)).length === 0 && (await bridges()).length === BRIDGES,
            { seconds: 60, every: 500 },
        );
    });
});

test('nobody was interrupted', async (context) => {
    const report = await calls.stop();
    calls = null;
    const seen = departures.map((one) => ({ ...one, ...impact(report, one) }));
    for (const one of seen) await tellImpact(context, one.name, one, one.moved);
    assert.equal(report.totals.joined, PEOPLE);
    for (const one of seen) assert.deepEqual(one.interrupted, [], `${one.name}: nobody is interrupted`);
    assert.equal(report.totals.cut, 0, 'nobody was cut');
});
