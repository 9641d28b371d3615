// The usual recipe for bridges that follow the traffic, and a pool of Shoal's, under the same load and scaled in the same steps:
// what people in calls notice of each, and which bridges are gone in the end. The number is written by hand, for the metrics
// API speaks of bridges of pools only; `autoscaling.test.mjs` has the autoscaler.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { kubectl, untilObject } from './support/api.mjs';
import { statistics } from './support/bridges.mjs';
import { needsOwnNodes } from './support/environment.mjs';
import { figure, secondsSince, spread } from './support/figures.mjs';
import { tellImpact } from './support/impact.mjs';
import { installRecipe, recipePods, recipeRuns, removeRecipe, scaleRecipe } from './support/recipe.mjs';
import { imageOf } from './support/rollout.mjs';
import { ensureService, frontDoor, NAMESPACE, podsOf, POOL, SHARD } from './support/service.mjs';
import { WAVES, Waves } from './support/waves.mjs';

const PEOPLE = 2 * Object.values(WAVES).reduce((sum, rooms) => sum + rooms);

let waves;
/** What people noticed of each. */
const seen = {};

before(ensureService);

after(async () => {
    await waves?.end();
    await removeRecipe();
    await ensureService();
});

/** The load: `grow` and `shrink` give the bridges another number and wait until it is so; `pods` lists what runs. */
async function load(context, name, { grow, shrink, pods }) {
    waves = new Waves(name.replace(/\W+/g, '-').toLowerCase(), await frontDoor());
    await waves.arrive('early');
    await waves.arrive('middle');
    await grow(1, 2);
    await known(2);
    await waves.arrive('late');
    await grow(2, 3);
    await known(3);
    // It goes to the newest bridge, which is the first to leave.
    await waves.arrive('last');
    const all = await Promise.all((await pods()).map(async (pod) => `${pod.metadata.name}: ${(await statistics(pod))?.participants}`));
    context.diagnostic(`participants: ${all.join(', ')}`);
    await waves.leave('early');
    await waves.leave('middle');
    const from = waves.now;
    const start = Date.now();
    await shrink(3, 1);
    await figure(context, `${name}: two thirds of the people leave, from three bridges to one: ${secondsSince(start)}`);
    await waves.allWell();
    await waves.leave('late');
    await waves.leave('last');
    const moved = waves.impact({ from });
    await tellImpact(context, `${name}, while two bridges leave`, moved);
    return moved;
}

/** Waits until the focus can choose among so many bridges. */
const known = (count) =>
    untilObject(`the focus knows ${count} bridges`, 'jitsishards', SHARD, NAMESPACE, ({ status }) => status.bridges === count);

const poolHas = (count) =>
    untilObject(
        `the pool has ${count} bridges`,
        'bridgepools',
        POOL,
        NAMESPACE,
        ({ spec, status }) => spec.replicas === count && status.bridges.ready === count && status.replicas === count,
    );

async function scalePool(_, to) {
    await kubectl(['--namespace', NAMESPACE, 'scale', 'bp', POOL, `--replicas=${to}`]);
    await poolHas(to);
}

test('a pool of Shoal’s', async (context) => {
    await scalePool(2, 1);
    seen.Shoal = await load(context, 'Shoal', { grow: scalePool, shrink: scalePool, pods: () => podsOf('bridge', { pool: POOL }) });
    assert.equal(waves.impact().participants, PEOPLE);
    assert.deepEqual(waves.impact().interrupted, [], 'nobody is interrupted');
});

test('the usual recipe', async (context) => {
    if (needsOwnNodes(context, 'the shell of the node')) return;
    const image = imageOf((await podsOf('bridge', { pool: POOL }))[0]);
    await scalePool(1, 0);
    await installRecipe(image);
    const grow = async (from, to) => {
        await scaleRecipe(from, to);
        await recipeRuns(to);
    };
    const shrink = async (from, to) => {
        await scaleRecipe(from, to);
        await waves.allWell();
        const waiting = (await recipePods()).length - to;
        await figure(context, `the usual recipe: ${waiting} bridges too many wait for their people until their grace is over`);
        await until('one bridge is left', async () => (await recipePods()).length === to, { seconds: 90, every: 500 });
    };
    seen['the recipe'] = await load(context, 'the usual recipe', { grow, shrink, pods: recipePods });
    assert.equal(waves.impact().participants, PEOPLE);
    await figure(context, '| while bridges leave | people | interrupted | media away for longer than 200 ms |');
    for (const [name, one] of Object.entries(seen)) {
        await figure(context, `| ${name} | ${one.participants} | ${one.interrupted.length} | ${spread(one.gaps)} |`);
    }
});
