// The chart: tested, upgraded, rolled back, uninstalled and installed again, with a service that goes on.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { list, read, SHOAL_KINDS, kubectl } from './support/api.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import { CHART, helm, RELEASE } from './support/helm.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { newOperator, operators } from './support/operator.mjs';
import { CLUSTER, ensureService, frontDoor, NAMESPACE, settled, SYSTEM } from './support/service.mjs';

let folder;
let values;

const install = () => helm('upgrade', '--install', RELEASE, CHART, `--values=${values}`, '--wait', '--timeout=120s');

before(async () => {
    await ensureService();
    folder = await mkdtemp(join(tmpdir(), 'shoal-helm-'));
    values = join(folder, 'values.json');
    const given = JSON.parse(await helm('get', 'values', RELEASE, '--output=json')) ?? {};
    // The test's meeting is held where the examples are.
    given.test = { ...given.test, namespace: NAMESPACE, cluster: CLUSTER };
    await writeFile(values, JSON.stringify(given));
});

after(async () => {
    if (values) await install();
    await rm(folder, { recursive: true, force: true });
    await ensureService();
});

/** Which pods run, and how often their containers were started. */
async function pods() {
    const all = [...(await list('pods', { namespace: NAMESPACE })), ...(await operators())];
    return all.map((pod) => [pod.metadata.uid, pod.metadata.name, ...(pod.status.containerStatuses ?? []).map((one) => one.restartCount)]).sort();
}

test('helm upgrade that changes nothing restarts nothing', async () => {
    await install();
    const before = await pods();
    await install();
    assert.deepEqual(await pods(), before);
});

test('helm test holds a meeting', async (context) => {
    const start = Date.now();
    const shown = await helm('test', RELEASE, '--timeout=120s', '--logs');
    await figure(context, `helm test, a meeting of two with media both ways: ${secondsSince(start)}`);
    assert.match(shown, /Phase: +Succeeded/);
    assert.match(shown, /all well/, 'its log says how the meeting went');
});

test('helm rollback gives the values of before', async () => {
    const before = (await operators()).map((pod) => pod.metadata.name);
    await helm('upgrade', RELEASE, CHART, `--values=${values}`, '--set=operator.log=debug', '--wait', '--timeout=120s');
    const changed = await newOperator(before);
    const level = (pod) => pod.spec.containers[0].env.find((one) => one.name === 'RUST_LOG').value;
    assert.equal(level(changed), 'debug');
    await helm('rollback', RELEASE, '--wait', '--timeout=120s');
    assert.notEqual(level(await newOperator([changed.metadata.name])), 'debug');
    await settled();
});

test('helm uninstall leaves definitions, resources and meetings alone; an install takes them over again', async (context) => {
    const { url, connect } = await frontDoor();
    const resources = async () => (await Promise.all(SHOAL_KINDS.map((kind) => list(kind, { namespace: NAMESPACE })))).flat().map((one) => one.metadata.uid);
    const service = async () => (await list('pods', { namespace: NAMESPACE })).map((pod) => pod.metadata.uid).sort();
    const [kept, running] = [await resources(), await service()];
    const call = await LoadTest.start('helm', { url, connect, rooms: 1, participants: 2 });
    await call.everybodyIsIn();
    await helm('uninstall', RELEASE, '--wait', '--timeout=60s');
    assert.equal(await read('deployments', 'shoal-operator', SYSTEM), null, 'the operator is gone');
    assert.deepEqual(await resources(), kept, 'the resources stay');
    assert.match(await kubectl(['get', 'crd', 'jitsiclusters.shoal.video', '--output=name']), /jitsiclusters/);
    // Who comes while no operator runs, gets in.
    const newcomers = await LoadTest.start('helm-newcomers', { url, connect, rooms: 1, participants: 2, duration: '5s' });
    assert.equal((await newcomers.report()).code, 0, 'a new meeting begins without the operator');
    await install();
    await settled();
    assert.deepEqual(await resources(), kept, 'they are the same resources');
    assert.deepEqual(await service(), running, 'no pod of the service was restarted');
    await call.everybodyIsIn();
    const { totals } = await call.stop();
    await figure(context, `helm uninstall and install under a call: ${totals.cut} thrown out, ${totals.gap_ms.count} gaps in media`);
    assert.equal(totals.cut, 0);
});
