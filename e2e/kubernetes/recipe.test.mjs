// The usual recipe for bridges that follow the traffic, and a pool of Shoal's, each by a real HorizontalPodAutoscaler under the
// same load: what people in calls notice when bridges leave, and for how long bridges run that are not wanted any more. The
// numbers of both come from prometheus-adapter, with the rules of the chart.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { patch, read, untilObject } from './support/api.mjs';
import { numbers, QUICK, ROOM, seesNumbers, traffic } from './support/autoscaling.mjs';
import { statistics } from './support/bridges.mjs';
import { local, needsOwnNodes } from './support/environment.mjs';
import { figure, secondsSince, spread } from './support/figures.mjs';
import { tellImpact } from './support/impact.mjs';
import { PrometheusAdapter, setMetricsApi } from './support/prometheus-adapter.mjs';
import { Prometheus } from './support/prometheus.mjs';
import { autoscaleRecipe, installRecipe, recipeAutoscaler, recipePods, recipeReplicas, removeRecipe } from './support/recipe.mjs';
import { repeatedly } from './support/repeatedly.mjs';
import { imageOf } from './support/rollout.mjs';
import { ensureService, frontDoor, isReady, NAMESPACE, podsOf, POOL, SHARD } from './support/service.mjs';
import { Surplus } from './support/surplus.mjs';
import { WAVES, Waves } from './support/waves.mjs';

const MOST = 3;
const PEOPLE = 2 * Object.values(WAVES).reduce((sum, rooms) => sum + rooms);
/** Those who are there when bridges leave. */
const STAY = 2 * (WAVES.late + WAVES.last);

let prometheus;
let adapter;
let waves;
/** What was seen of each. */
const seen = {};

before(async () => {
    if (!local) return;
    await ensureService();
    await setMetricsApi('PrometheusAdapter');
    prometheus = await Prometheus.start();
    adapter = await PrometheusAdapter.start(prometheus);
});

after(async () => {
    if (!local) return;
    await waves?.end();
    await removeRecipe();
    await adapter?.stop();
    await prometheus?.stop();
    await setMetricsApi('Shoal');
    await ensureService();
});

/**
 * The load on bridges of one kind: `pods` lists those that are not gone, `autoscale` makes their autoscaler, `autoscaler` reads
 * it, and `wanted` gives the number that it has set.
 */
async function load(context, name, { namespace, pods, wanted, autoscaler, autoscale }) {
    const runs = (count, seconds) => running(count, { pods, wanted, seconds });
    waves = new Waves(name.replace(/\W+/g, '-').toLowerCase(), await frontDoor());
    await waves.arrive('early');
    const bytes = await traffic(pods);
    context.diagnostic(`the first wave: ${bytes} bytes per second`);
    await autoscale({ minReplicas: 1, maxReplicas: MOST, targetNetworkBytesPerSecond: Math.round(bytes * ROOM), behavior: QUICK });
    await seesNumbers(autoscaler);
    context.diagnostic(`as the API server passes it on: ${await ofPrometheus(namespace)}`);
    await grows(context, name, 'middle', 2, runs);
    await grows(context, name, 'late', 3, runs);
    await waves.arrive('last');
    await Promise.all([waves.leave('early'), waves.leave('middle')]);
    const from = waves.now;
    const leaving = await onLeaving(context, pods);
    const surplus = new Surplus({ wanted, pods });
    const start = Date.now();
    await runs(1, 180);
    const bridgeSeconds = (await surplus.stop()).toFixed(0);
    await figure(context, `${name}: two thirds of the people leave, from three bridges to one: ${secondsSince(start)}`);
    await waves.allWell();
    await waves.leave('late');
    await waves.leave('last');
    const impact = waves.impact({ from });
    await tellImpact(context, `${name}, while two bridges leave`, impact, leaving);
    assert.equal(waves.impact().participants, PEOPLE);
    seen[name] = { ...impact, leaving, bridgeSeconds };
    return seen[name];
}

/** A wave comes, and the bridges follow to `count`, which the focus then knows. */
async function grows(context, name, wave, count, runs) {
    await waves.arrive(wave);
    const start = Date.now();
    await runs(count, 120);
    await figure(context, `${name}: the wave '${wave}' came, to ${count} bridges: ${secondsSince(start)}`);
    await untilObject(`the focus knows ${count} bridges`, 'jitsishards', SHARD, NAMESPACE, ({ status }) => status.bridges === count);
}

/** How many people are on the bridges that will leave: all but the first, which must be some. */
async function onLeaving(context, pods) {
    let all;
    // Those who hung up are counted until their bridge is told.
    await until('only those who stay are counted', async () => {
        all = await Promise.all((await pods()).map(async (pod) => [pod.metadata.name, (await statistics(pod))?.participants]));
        return { ok: all.reduce((sum, [, count]) => sum + count, 0) === STAY, seen: all };
    });
    context.diagnostic(`participants: ${all.map(([name, count]) => `${name}: ${count}`).join(', ')}`);
    assert.equal(all.length, MOST, 'no bridge has left yet');
    const people = all.filter(([name]) => !name.endsWith('-0')).reduce((sum, [, count]) => sum + count, 0);
    assert.ok(people > 0, 'people are on the bridges that will leave');
    return people;
}

/** The metric as the API server passes it on, which is prometheus-adapter's. */
async function ofPrometheus(namespace) {
    const { status, body } = await numbers(namespace);
    assert.equal(status, 200, body.message);
    return body.items.map((one) => `${one.describedObject.name} ${one.value}`).join(', ');
}

const poolPods = () => podsOf('bridge', { pool: POOL });
const poolReplicas = async () => (await read('bridgepools', POOL, NAMESPACE)).spec.replicas;

/** Waits until `count` bridges are wanted and run, and no other pod is there. */
async function running(count, { pods, wanted, seconds = 90 }) {
    await until(
        `exactly ${count} bridges run`,
        async () => {
            const [number, all] = await Promise.all([wanted(), pods()]);
            const settled = all.every((pod) => isReady(pod) && !pod.metadata.deletionTimestamp);
            const names = all.map(({ metadata, status }) => `${metadata.name}: ${metadata.deletionTimestamp ? 'leaves' : status.phase}`);
            return { ok: number === count && all.length === count && settled, seen: { wanted: number, pods: names } };
        },
        { seconds, every: 250 },
    );
}

/** Notes of each bridge of the recipe that leaves whether it has said that it takes no new conferences. */
async function noteGraceful(noted) {
    const leaving = (await recipePods()).filter((pod) => pod.metadata.deletionTimestamp);
    for (const pod of leaving) {
        const { name } = pod.metadata;
        noted.set(name, noted.get(name) || (await statistics(pod))?.graceful_shutdown === true);
    }
}

test('a pool of Shoal’s', async (context) => {
    if (needsOwnNodes(context, 'prometheus-adapter beside the test')) return;
    await patch('bridgepools', POOL, NAMESPACE, { spec: { replicas: 1 } });
    await running(1, { pods: poolPods, wanted: poolReplicas });
    const { interrupted, moves, leaving } = await load(context, 'Shoal', {
        namespace: NAMESPACE,
        pods: poolPods,
        wanted: poolReplicas,
        autoscaler: () => read('horizontalpodautoscalers', POOL, NAMESPACE),
        autoscale: (autoscaling) => patch('bridgepools', POOL, NAMESPACE, { spec: { autoscaling: { ...autoscaling, reservePercent: 0 } } }),
    });
    assert.deepEqual(interrupted, [], 'nobody is interrupted');
    assert.ok(moves.length >= leaving, 'everybody on a bridge that leaves is moved');
});

test('the usual recipe', async (context) => {
    if (needsOwnNodes(context, 'the shell of the node')) return;
    const image = imageOf((await poolPods())[0]);
    await patch('bridgepools', POOL, NAMESPACE, { spec: { replicas: 0, autoscaling: null } });
    await running(0, { pods: poolPods, wanted: poolReplicas });
    await installRecipe(image);
    await running(1, { pods: recipePods, wanted: recipeReplicas });
    const graceful = new Map();
    const watch = repeatedly(() => noteGraceful(graceful), 250);
    await load(context, 'the recipe', {
        namespace: 'recipe',
        pods: recipePods,
        wanted: recipeReplicas,
        autoscaler: recipeAutoscaler,
        autoscale: autoscaleRecipe,
    }).finally(() => watch.stop());
    assert.deepEqual(
        [...graceful].sort(),
        ['bridge-1', 'bridge-2'].map((name) => [name, true]),
        'both that left were in graceful shutdown',
    );
    await figure(
        context,
        '| two of three bridges leave | people | on the two | interrupted | gap in media per move | media away for longer than 200 ms | bridges ran unwanted for |',
    );
    for (const [name, one] of Object.entries(seen)) {
        const people = [one.participants, one.leaving, one.interrupted.length];
        const cells = [name, ...people, spread(one.moves), spread(one.gaps), `${one.bridgeSeconds} bridge-seconds`];
        await figure(context, `| ${cells.join(' | ')} |`);
    }
});
