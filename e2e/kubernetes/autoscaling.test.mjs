// Bridges follow the traffic, one to three and back to one, by a real HorizontalPodAutoscaler, and nobody in a call is
// interrupted. `recipe.test.mjs` has the same load on the usual recipe.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { condition, list, patch, read, untilObject } from './support/api.mjs';
import { QUICK, ROOM, seesNumbers, traffic } from './support/autoscaling.mjs';
import { bridges } from './support/bridges.mjs';
import { local, needsOwnNodes } from './support/environment.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import { drop, dropNothing } from './support/filter.mjs';
import { tellImpact } from './support/impact.mjs';
import { operators } from './support/operator.mjs';
import { ensureService, frontDoor, NAMESPACE, podsOf, POOL, settled } from './support/service.mjs';
import { Waves } from './support/waves.mjs';

const MOST = 3;

let waves;

before(async () => {
    await ensureService();
    await patch('bridgepools', POOL, NAMESPACE, { spec: { replicas: 1 } });
    await settled();
});

after(async () => {
    await waves?.end();
    // There is no filter where the test came to its end.
    await seesAgain().catch(() => {});
    await ensureService();
});

const pool = () => read('bridgepools', POOL, NAMESPACE);
const autoscaler = () => read('horizontalpodautoscalers', POOL, NAMESPACE);

/** Waits until exactly `count` bridges take meetings and no other pod is there. */
async function follows(count, { seconds = 120 } = {}) {
    const from = Date.now();
    await untilObject(
        `the pool has followed to ${count}`,
        'bridgepools',
        POOL,
        NAMESPACE,
        ({ spec, status }) => spec.replicas === count && status.bridges.ready === count && status.replicas === count,
        { seconds },
    );
    return secondsSince(from);
}

/** Reasons of the pool's events since a moment, with their sentences. */
async function events(since) {
    const all = await list('events', { namespace: NAMESPACE });
    return all
        .filter((one) => one.involvedObject.kind === 'BridgePool' && one.involvedObject.name === POOL)
        .filter((one) => Date.parse(one.lastTimestamp ?? one.eventTime ?? one.metadata.creationTimestamp) >= since)
        .map((one) => ({ reason: one.reason, note: one.message ?? one.note }));
}

let began;

test('the first wave comes to one bridge, and the pool is told how much one carries', async (context) => {
    began = Date.now() - 1000;
    waves = new Waves('autoscaling', await frontDoor());
    await waves.arrive('early');
    const bytes = await traffic(() => podsOf('bridge', { pool: POOL }));
    context.diagnostic(`the first wave: ${bytes} bytes per second`);
    const autoscaling = {
        minReplicas: 1,
        maxReplicas: MOST,
        targetNetworkBytesPerSecond: Math.round(bytes * ROOM),
        reservePercent: 0,
        window: '10s',
        behavior: QUICK,
    };
    await patch('bridgepools', POOL, NAMESPACE, { spec: { autoscaling } });
    await seesNumbers(autoscaler);
    assert.equal((await pool()).spec.replicas, 1, 'one bridge is enough');
});

test('more waves: the pool grows to three', async (context) => {
    await waves.arrive('middle');
    await figure(context, `twice the traffic, to two bridges: ${await follows(2)}`);
    await waves.arrive('late');
    await figure(context, `a half more, to three bridges: ${await follows(3)}`);
    // It goes to the newest bridge, which is the first to leave.
    await waves.arrive('last');
    context.diagnostic((await bridges()).map((one) => `${one.name}: ${one.participants}`).join(', '));
});

test('without metrics nothing is removed, and it is said why', async (context) => {
    if (needsOwnNodes(context, 'a packet filter on the node')) return;
    await blind();
    await waves.leave('early');
    await waves.leave('middle');
    const blinded = Date.now();
    await until(
        'the autoscaler says that it sees nothing',
        async () => {
            const one = await autoscaler();
            return { ok: condition(one, 'ScalingActive')?.status === 'False', seen: one.status };
        },
        { seconds: 90, every: 500 },
    );
    await untilObject(
        'the pool says so, too',
        'bridgepools',
        POOL,
        NAMESPACE,
        (one) => condition(one, 'Autoscaling')?.status === 'False' && condition(one, 'Autoscaling').message.length > 0,
    );
    await figure(context, `bridges cannot be asked: said by the pool after ${secondsSince(blinded)}: ${condition(await pool(), 'Autoscaling').message}`);
    await waves.allWell();
    assert.equal((await pool()).spec.replicas, MOST, 'the number stays');
    assert.equal((await podsOf('bridge', { pool: POOL })).length, MOST, 'every bridge stays');
});

test('the people of the first waves leave: the pool shrinks to one', async (context) => {
    const leaving = (await bridges()).filter((one) => one.name !== `${POOL}-bridge-0`);
    const moved = leaving.reduce((sum, one) => sum + one.participants, 0);
    assert.ok(moved > 0, 'people are on the bridges that are to leave');
    const from = waves.now;
    if (local) await seesAgain();
    await figure(context, `two thirds of the traffic are gone, to one bridge: ${await follows(1, { seconds: 180 })}`);
    await waves.allWell();
    await waves.leave('late');
    await waves.leave('last');
    await tellImpact(context, `Shoal's pool, while two bridges leave`, waves.impact({ from }), moved);
    const seen = waves.impact();
    await tellImpact(context, `Shoal's pool, one bridge to ${MOST} and back to one`, seen);
    assert.ok(waves.impact({ from }).moves.length >= moved, 'everybody on a bridge that leaves is moved');
    assert.deepEqual(seen.interrupted, [], 'nobody is interrupted');
});

test('events say why each bridge was added, drained and removed', async (context) => {
    const expected = [];
    for (let ordinal = 1; ordinal < MOST; ordinal += 1) {
        for (const reason of ['BridgeStarts', 'Draining', 'BridgeRemoved']) expected.push({ reason, bridge: `${POOL}-bridge-${ordinal}` });
    }
    let told;
    const tells = ({ reason, bridge }) => told.find((event) => event.reason === reason && event.note.includes(bridge));
    await until('there is an event for each', async () => {
        told = await events(began);
        const missing = expected.filter((one) => !tells(one));
        return { ok: missing.length === 0, seen: missing };
    });
    for (const { reason, note } of told) context.diagnostic(`${reason}: ${note}`);
    for (const one of expected.filter(({ reason }) => reason !== 'BridgeRemoved')) {
        assert.match(tells(one).note, /because/, 'it says why');
    }
});

/** The operator's pods do not reach the bridges' HTTP port any more. */
const blind = async () => drop(await operators(), 'output', 'tcp dport 8080');

const seesAgain = async () => dropNothing(await operators());
