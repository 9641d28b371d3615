// The operator writes what is needed, once: a second look writes nothing, and being killed changes nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { apply, holds, kubectl, list, OWNED_KINDS, patch, remove, SHOAL_KINDS, untilObject } from './support/api.mjs';
import { AuditMark } from './support/audit.mjs';
import { killPod, needsOwnNodes, retag } from './support/environment.mjs';
import { figure } from './support/figures.mjs';
import { DEPLOYMENT, metric, newOperator, operators, USER } from './support/operator.mjs';
import { imageOf, of, rolledOut, secondName } from './support/rollout.mjs';
import { CLUSTER, ensureService, made, NAMESPACE, podsOf, settled, SHARD, SYSTEM } from './support/service.mjs';

/** How long nothing may be written. */
const QUIET = 30_000;
/** Numbers of meetings and people are written at most once in ten seconds. */
const NUMBERS = 12_000;
/** A pool beside that of the examples. */
const EXTRA = {
    apiVersion: 'shoal.video/v1alpha1',
    kind: 'BridgePool',
    metadata: { name: 'extra', namespace: NAMESPACE },
    spec: { clusterRef: CLUSTER, replicas: 1, exposure: { type: 'NodePort', basePort: 31100 } },
};

before(ensureService);
after(ensureService);

/** Reconciles so far, by kind. */
async function reconciles(pod) {
    const samples = await metric(pod, 'operator_reconcile_duration_seconds_count');
    return Object.fromEntries(samples.map(({ labels, value }) => [labels.kind, value]));
}

/** Waits until each kind was reconciled at least `more` times above `before`. */
async function reconciledAll(pod, before, more) {
    const objects = await Promise.all(SHOAL_KINDS.map((kind) => list(kind)));
    const kinds = ['JitsiCluster', 'JitsiShard', 'BridgePool'];
    await until(
        `every resource is reconciled ${more} times more`,
        async () => {
            const seen = await reconciles(pod);
            const ok = kinds.every((kind, index) => (seen[kind] ?? 0) >= (before[kind] ?? 0) + more * objects[index].length);
            return { ok, seen };
        },
        { seconds: 90, every: 500 },
    );
}

/** Waits until nothing was written for longer than numbers wait to be written. */
async function quiet() {
    let mark = await AuditMark.here();
    let since = Date.now();
    await until(
        'the operator has written all numbers',
        async () => {
            const seen = await mark.writesOf(USER);
            if (seen.length > 0) [mark, since] = [await AuditMark.here(), Date.now()];
            return { ok: Date.now() - since > NUMBERS, seen };
        },
        { seconds: 60, every: 500 },
    );
}

/** Annotates all resources. */
async function annotate(annotation) {
    for (const kind of SHOAL_KINDS) await kubectl(['--namespace', NAMESPACE, 'annotate', kind, '--all', '--overwrite', annotation]);
}

test('a restarted operator, and a second look at everything, write nothing', async (context) => {
    if (needsOwnNodes(context, 'counting writes in the audit log')) return;
    await settled();
    await quiet();
    const old = (await operators()).map((pod) => pod.metadata.name);
    const mark = await AuditMark.here();
    await kubectl(['--namespace', SYSTEM, 'rollout', 'restart', `deployment/${DEPLOYMENT}`]);
    const pod = await newOperator(old);
    await until('it leads', async () => (await metric(pod, 'operator_leader'))[0]?.value === 1, { seconds: 40 });
    const leads = Date.now();
    await reconciledAll(pod, {}, 1);
    // Whatever changes a resource has it reconciled: an annotation that nobody reads, too.
    const first = await reconciles(pod);
    await annotate(`example.org/looked-at=${leads}`);
    await reconciledAll(pod, first, 1);
    await until('half a minute has passed, in which the numbers were read again', () => Date.now() - leads > QUIET, { seconds: 60 });
    const count = Object.values(await reconciles(pod)).reduce((sum, value) => sum + value, 0);
    const writes = await mark.writesOf(USER);
    await figure(context, `writes in ${count} reconciles after a restart of the operator: ${writes.length}`);
    await annotate('example.org/looked-at-');
    assert.deepEqual(writes, []);
});

/** What the operator made, without what the API server adds. */
async function outcome() {
    const normal = ({ kind, object }) => {
        const { metadata, spec, data, type } = structuredClone(object);
        for (const owner of metadata.ownerReferences ?? []) delete owner.uid;
        const { labels, annotations = {}, ownerReferences } = metadata;
        delete annotations['deployment.kubernetes.io/revision'];
        // A hash of what was applied, the owner's uid included.
        delete annotations['shoal.video/applied'];
        // A password of its own for each pool that is made.
        if (metadata.name === `${EXTRA.metadata.name}-orders`) for (const key of Object.keys(data)) data[key] = 'made anew';
        if (kind === 'services') for (const field of ['clusterIP', 'clusterIPs', 'healthCheckNodePort']) delete spec[field];
        return [`${kind}/${metadata.name}`, { labels, annotations, ownerReferences, spec, data, type }];
    };
    const kinds = OWNED_KINDS.filter((kind) => kind !== 'pods');
    return Object.fromEntries((await made(kinds)).map(normal).sort(([a], [b]) => a.localeCompare(b)));
}

/** A rollout of a shard and a new pool at once; `disturb` runs in the middle of it. */
async function change(image, disturb) {
    await patch('jitsishards', SHARD, NAMESPACE, { spec: { signalling: { image }, focus: { pods: { image } } } });
    await apply([EXTRA]);
    await disturb();
    for (const part of ['signalling', 'focus']) await rolledOut(part, of(part, { shard: SHARD }), image, 1);
    await untilObject('the new pool is Ready', 'bridgepools', EXTRA.metadata.name, NAMESPACE, (one) => holds(one, 'Ready'));
    await settled();
    return outcome();
}

async function undo(image) {
    await patch('jitsishards', SHARD, NAMESPACE, { spec: { signalling: { image: null }, focus: { pods: { image: null } } } });
    await remove('bridgepools', EXTRA.metadata.name, NAMESPACE);
    for (const part of ['signalling', 'focus']) await rolledOut(part, of(part, { shard: SHARD }), image, 1);
    await untilObject('the new pool is gone', 'bridgepools', EXTRA.metadata.name, NAMESPACE, (one) => one === null);
    await settled();
}

test('an operator killed in the middle of a rollout comes to the same result', async (context) => {
    if (needsOwnNodes(context, 'kill -9 of the operator')) return;
    const image = imageOf((await podsOf('signalling', { shard: SHARD }))[0]);
    const next = secondName(image);
    await retag(image, next);
    const undisturbed = await change(next, async () => {});
    await undo(image);

    const mark = await AuditMark.here();
    let kills = 0;
    const disturbed = await change(next, async () => {
        await until('the operator has begun', async () => (await mark.writesOf(USER)).length > 0, { seconds: 30, every: 20 });
        for (const pod of await operators()) kills += await killPod(pod);
    });
    assert.ok(kills > 0, 'the operator was killed');
    await figure(context, `objects after a rollout in which the operator was killed, the same as without: ${Object.keys(disturbed).length}`);
    assert.deepEqual(disturbed, undisturbed);
    await undo(image);
});
