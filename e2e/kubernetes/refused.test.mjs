// What a spec cannot be is refused by the API server, with a sentence that a person understands.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { kubectl, path, read, request } from './support/api.mjs';
import { figure } from './support/figures.mjs';
import { CLUSTER, ensureService, NAMESPACE, POOL, SHARD } from './support/service.mjs';

const RESOURCES = { JitsiCluster: 'jitsiclusters', JitsiShard: 'jitsishards', BridgePool: 'bridgepools' };
const SCRATCH = 'refused';

/** Cases of `{ name, manifest, sentence }`. */
const cases = parse(await readFile(new URL('invalid.yaml', import.meta.url), 'utf8'));

before(async () => {
    await ensureService();
    await kubectl(['create', 'namespace', SCRATCH]);
});

after(() => kubectl(['delete', 'namespace', SCRATCH, '--ignore-not-found']));

/** As `kubectl apply --dry-run=server` does it: unknown fields are errors, and nothing is kept. */
const TRY = { dryRun: 'All', fieldValidation: 'Strict' };

const create = (manifest) => request('POST', path(RESOURCES[manifest.kind], { namespace: SCRATCH, query: TRY }), manifest);

const change = (resource, name, spec) =>
    request('PATCH', path(resource, { name, namespace: NAMESPACE, query: TRY }), { spec }, 'application/merge-patch+json');

/** The refusal says the sentence, and says it as the whole of one complaint. */
function refuses({ status, body }, sentence) {
    assert.ok(status === 422 || status === 400, `refused (the API server answered ${status})`);
    const complaints = [body.message, ...(body.details?.causes ?? []).map((cause) => `${cause.field}: ${cause.message}`)];
    assert.ok(
        complaints.some((complaint) => complaint.endsWith(sentence)),
        `the API server says "${sentence}"; it said: ${body.message}`,
    );
}

test('the table has every kind, and more than thirty cases', () => {
    assert.ok(cases.length >= 40, `${cases.length} cases`);
    assert.deepEqual(new Set(cases.map(({ manifest }) => manifest.kind)), new Set(Object.keys(RESOURCES)));
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length, 'every case has a name of its own');
});

for (const { name, manifest, sentence } of cases) {
    test(name, async () => refuses(await create(manifest), sentence));
}

const UPDATES = [
    {
        name: 'the domain of a cluster stays',
        object: ['jitsiclusters', CLUSTER],
        spec: { domain: 'other.example.org' },
        sentence: 'spec.domain cannot change, because running meetings live under it: create a second JitsiCluster for the new domain',
    },
    {
        name: 'the cluster of a shard stays',
        object: ['jitsishards', SHARD],
        spec: { clusterRef: 'other' },
        sentence: 'spec.clusterRef cannot change: delete the shard and create it for the other cluster',
    },
    {
        name: 'the cluster of a pool stays',
        object: ['bridgepools', POOL],
        spec: { clusterRef: 'other' },
        sentence: 'spec.clusterRef cannot change: delete the pool and create it for the other cluster',
    },
];

for (const { name, object, spec, sentence } of UPDATES) {
    test(name, async () => refuses(await change(...object, spec), sentence));
}

test('a spec without fault is taken, so that the refusals above are for their fault', async (context) => {
    for (const [resource, name] of [
        ['jitsiclusters', CLUSTER],
        ['jitsishards', SHARD],
        ['bridgepools', POOL],
    ]) {
        const { apiVersion, kind, spec } = await read(resource, name, NAMESPACE);
        const { status, body } = await create({ apiVersion, kind, metadata: { name: 'without-fault' }, spec });
        assert.equal(status, 201, body.message);
    }
    await figure(context, `invalid specs refused by the API server with their sentence: ${cases.length + UPDATES.length}`);
});

test('kubectl shows the sentence', async () => {
    const { manifest, sentence } = cases.find((one) => one.manifest.kind === 'JitsiCluster');
    const refused = kubectl(['--namespace', SCRATCH, 'apply', '--dry-run=server', '--filename=-'], { input: manifest });
    await assert.rejects(refused, (error) => error.message.includes(sentence));
});

test('kubectl scale of a pool outside its bounds is refused', async () => {
    const refused = kubectl(['--namespace', NAMESPACE, 'scale', 'bp', POOL, '--replicas=1001', '--dry-run=server']);
    await assert.rejects(refused, /spec.replicas must be between 0 and 1000/);
});
