// What is deleted is drained first, and then nothing of it is left.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { apply, condition, holds, kubectl, list, OWNED_KINDS, read, SHOAL_KINDS, untilObject } from './support/api.mjs';
import { figure, secondsSince, spread } from './support/figures.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { CLUSTER, ensureService, frontDoor, made, NAMESPACE, POOL, SHARD } from './support/service.mjs';

const TIMEOUT_SECONDS = 8;
const OTHER = 'other';
const otherPool = {
    apiVersion: 'shoal.video/v1alpha1',
    kind: 'BridgePool',
    metadata: { name: OTHER, namespace: NAMESPACE },
    spec: {
        clusterRef: CLUSTER,
        replicas: 1,
        exposure: { type: 'NodePort', basePort: 31100 },
        drain: { policy: 'Migrate', timeout: `${TIMEOUT_SECONDS}s` },
    },
};

let calls;
let door;

before(async () => {
    await ensureService();
    door = await frontDoor();
});

after(async () => {
    await calls?.stop().catch(() => {});
    await ensureService();
});

/** `kind/name` of what the operator made, by a label where one is given. */
async function names(label) {
    const all = await made(OWNED_KINDS);
    return all
        .filter(({ object }) => !label || object.metadata.labels[label[0]] === label[1])
        .map(({ kind, object }) => `${kind}/${object.metadata.name}`)
        .sort();
}

/** `kind/name` of what has an owner of Shoal's, whatever its labels. */
async function owned() {
    const lists = await Promise.all(OWNED_KINDS.map(async (kind) => (await list(kind, { namespace: NAMESPACE })).map((one) => [kind, one])));
    const ours = ([, one]) => (one.metadata.ownerReferences ?? []).some((owner) => owner.apiVersion.startsWith('shoal.video/'));
    return lists.flat().filter(ours).map(([kind, one]) => `${kind}/${one.metadata.name}`);
}

/** Waits until nothing of a resource is left: the garbage collector needs a moment after the resource itself. */
async function nothingIsLeft(label) {
    await until(
        `nothing with ${label} is left`,
        async () => {
            const seen = await names(label);
            return { ok: seen.length === 0, seen };
        },
        { seconds: 60, every: 250 },
    );
}

const begin = async (label) => {
    calls = await LoadTest.start(label, { ...door, rooms: 2, participants: 3 });
    await calls.everybodyIsIn();
};

const remove = (kind, name) => kubectl(['--namespace', NAMESPACE, 'delete', kind, name, '--wait=false']);

test('a pool that is deleted moves its people to another one', async (context) => {
    const before = await names(['shoal.video/pool', POOL]);
    context.diagnostic(`of pool ${POOL}: ${before.join(' ')}`);
    assert.ok(before.some((name) => name.startsWith('statefulsets/')) && before.some((name) => name.startsWith('pods/')));
    await begin('pool');
    await apply([otherPool]);
    await untilObject('the other pool is Ready', 'bridgepools', OTHER, NAMESPACE, (one) => holds(one, 'Ready'));
    const start = Date.now();
    await remove('bp', POOL);
    await untilObject('the pool is gone', 'bridgepools', POOL, NAMESPACE, (one) => one === null);
    await figure(context, `a pool with 6 people, deleted to gone, its people moved: ${secondsSince(start)}`);
    await nothingIsLeft(['shoal.video/pool', POOL]);
    await calls.everybodyIsIn();
    const { totals } = await calls.stop();
    calls = null;
    await figure(context, `media away while a pool was deleted: ${spread([totals.gap_ms.max])}, ${totals.cut} thrown out`);
    assert.equal(totals.cut, 0, 'nobody is thrown out');
    assert.deepEqual([totals.joined, totals.missing_media], [6, 0]);
});

test('a pool that is the last waits for its drain timeout', async (context) => {
    await begin('last-pool');
    const start = Date.now();
    await remove('bp', OTHER);
    await untilObject('the pool says that it drains', 'bridgepools', OTHER, NAMESPACE, (one) => condition(one, 'Draining')?.status === 'True');
    await untilObject('the pool is gone', 'bridgepools', OTHER, NAMESPACE, (one) => one === null, { seconds: 60 });
    const seconds = (Date.now() - start) / 1000;
    await figure(context, `the last pool with 6 people and a drain timeout of ${TIMEOUT_SECONDS} s, deleted to gone: ${seconds.toFixed(1)} s`);
    assert.ok(seconds >= TIMEOUT_SECONDS, 'it waited for the timeout');
    await nothingIsLeft(['shoal.video/pool', OTHER]);
});

test('a shard that is deleted waits until its rooms are empty', async (context) => {
    const before = await names(['shoal.video/shard', SHARD]);
    context.diagnostic(`of shard ${SHARD}: ${before.join(' ')}`);
    await remove('jsh', SHARD);
    await untilObject('the shard says that it drains', 'jitsishards', SHARD, NAMESPACE, (one) => condition(one, 'Draining')?.status === 'True');
    assert.deepEqual(await names(['shoal.video/shard', SHARD]), before, 'everything of it still runs');
    const start = Date.now();
    await calls.stop();
    calls = null;
    await untilObject('the shard is gone', 'jitsishards', SHARD, NAMESPACE, (one) => one === null, { seconds: 60 });
    await figure(context, `a shard that is to go, from its last person leaving to gone: ${secondsSince(start)}`);
    await nothingIsLeft(['shoal.video/shard', SHARD]);
});

test('a cluster that is deleted leaves nothing but namespace and definitions', async (context) => {
    const before = await names();
    context.diagnostic(`of the cluster: ${before.join(' ')}`);
    const start = Date.now();
    await remove('jcl', CLUSTER);
    await untilObject('the cluster is gone', 'jitsiclusters', CLUSTER, NAMESPACE, (one) => one === null);
    await until(
        'no object is left, by label and by owner',
        async () => {
            const seen = [...(await names()), ...(await owned())];
            return { ok: seen.length === 0, seen };
        },
        { seconds: 60, every: 250 },
    );
    await figure(context, `a cluster, deleted to no object left: ${secondsSince(start)}`);
    assert.ok(await read('namespaces', NAMESPACE), 'the namespace stays');
    const definitions = (await list('customresourcedefinitions')).map((one) => one.spec.names.plural);
    for (const kind of SHOAL_KINDS) assert.ok(definitions.includes(kind), `the definition of ${kind} stays`);
});

test('all deleted at once: nothing is left either', async () => {
    await ensureService();
    await kubectl(['--namespace', NAMESPACE, 'delete', 'jcl,jsh,bp', '--all', '--timeout=120s']);
    await until(
        'no object is left, by label and by owner',
        async () => {
            const seen = [...(await names()), ...(await owned())];
            return { ok: seen.length === 0, seen };
        },
        { seconds: 60, every: 250 },
    );
});
