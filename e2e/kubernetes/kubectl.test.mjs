// kubectl shoal, as somebody on call uses it while people are in meetings.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../support/wait.mjs';
import { apply, kubectl, read } from './support/api.mjs';
import { SHOAL } from './support/environment.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import { CHART, helm, RELEASE } from './support/helm.mjs';
import { LoadTest, noticed } from './support/loadtest.mjs';
import { doorsOffer, ensureService, frontDoor, NAMESPACE, podsOf, POOL, SHARD } from './support/service.mjs';

const run = promisify(execFile);
const PEOPLE = 3;
let folder;
let calls;

before(async () => {
    // How a person installs a plugin.
    folder = await mkdtemp(join(tmpdir(), 'kubectl-shoal-'));
    await symlink(SHOAL, join(folder, 'kubectl-shoal'));
    process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
    await ensureService();
    calls = await LoadTest.start('kubectl', { ...(await frontDoor()), rooms: 2, participants: PEOPLE });
    await calls.everybodyIsIn();
});

after(async () => {
    await calls?.stop().catch(() => {});
    await kubectl(['--namespace', NAMESPACE, 'delete', 'serviceaccount,rolebinding', 'on-call', '--ignore-not-found']);
    await rm(folder, { recursive: true, force: true });
    await ensureService();
});

const shoal = (...args) => kubectl(['shoal', ...args, '--namespace', NAMESPACE]);
const data = async (...args) => JSON.parse(await shoal(...args, '-o', 'json'));
/** Fails with what kubectl shoal says, when it says that it cannot. */
const refused = async (...args) => shoal(...args).then(() => assert.fail('it was not refused'), (error) => error.message);

const rooms = async () => (await data('rooms')).rooms;
/** The bridge that a room is on. */
const bridgeOf = async (room) => (await data('where', room)).places[0].bridges[0].name;
const bridges = async () => (await data('status')).bridges;

test('status shows a service that is well, and each bridge as Kubernetes has it', async (context) => {
    const text = await shoal('status');
    context.diagnostic(`\n${text}`);
    const status = await data('status');
    // That browsers warn of a self-signed certificate is told.
    assert.deepEqual(status.wrong.filter((one) => !one.includes('certificate')), []);
    const pods = await podsOf('bridge', { pool: POOL });
    assert.deepEqual(
        status.bridges.map(({ name, node, state }) => [name, node, state]),
        pods.map((pod) => [pod.metadata.name, pod.spec.nodeName, 'ready']),
    );
    const on = status.bridges.reduce((sum, bridge) => sum + bridge.load.participants, 0);
    assert.equal(on, 2 * PEOPLE);
    for (const { name } of status.bridges) assert.match(text, new RegExp(`^${name} .*ready .*:31\\d\\d\\d`, 'm'));
});

test('rooms and where find the meetings', async (context) => {
    const all = await rooms();
    assert.equal(all.length, 2);
    for (const room of all) assert.equal(room.participants, PEOPLE);
    const name = all[0].name.split('@')[0];
    const text = await shoal('where', name);
    context.diagnostic(`\n${text}`);
    const { split, places } = await data('where', name.toUpperCase());
    assert.equal(split, false);
    assert.equal(places.length, 1);
    assert.equal(places[0].shard, SHARD);
    assert.equal(places[0].focus.pod, `${SHARD}-focus-0`);
    const [{ bridge }] = places[0].bridges;
    const pod = await read('pods', bridge.name, NAMESPACE);
    assert.equal(bridge.node, pod.spec.nodeName);
    const addresses = await read('configmaps', `${POOL}-addresses`, NAMESPACE);
    const port = addresses.data[`port.${bridge.name}`].trim();
    assert.ok(bridge.addresses.length > 0 && bridge.addresses.every((one) => one.endsWith(`:${port}`)), bridge.addresses.join());
    assert.match(await refused('where', 'nobody-was-ever-here'), /no shard in namespace meet has room nobody-was-ever-here, of 2 rooms/);
});

test('a room moves to the bridge that is named, and back by number of people', async (context) => {
    const [{ name }] = await rooms();
    const from = await bridgeOf(name);
    const to = (await bridges()).map((one) => one.name).find((one) => one !== from);
    const start = Date.now();
    const said = await shoal('move', name, '--to', to);
    await figure(context, `kubectl shoal move ROOM, until its focus has it on the other bridge: ${secondsSince(start)}`);
    assert.equal(said.trim(), `moved ${PEOPLE} participants of 1 meeting away from ${from} to ${to}`);
    assert.equal(await bridgeOf(name), to);
    await calls.everybodyIsIn();
    assert.match(await refused('move', name, '--to', to), /is on bridge .* already/);
    const before = (await rooms()).filter((room) => room.bridges.includes(to)).length;
    assert.match(await shoal('move', '--from', to), new RegExp(`^moved ${PEOPLE} participants of 1 meeting away from ${to}`));
    await until('one room fewer is on the bridge', async () => {
        const seen = (await rooms()).filter((room) => room.bridges.includes(to)).length;
        return { ok: seen === before - 1, seen };
    });
    await calls.everybodyIsIn();
});

test('a bridge that is drained empties, says why, and comes back', async (context) => {
    const [{ name }] = await rooms();
    const bridge = await bridgeOf(name);
    const start = Date.now();
    const said = await shoal('drain', 'bridge', bridge);
    context.diagnostic(`\n${said}`);
    await figure(context, `kubectl shoal drain bridge, with its people moved: ${secondsSince(start)}`);
    assert.match(said, new RegExp(`bridge ${bridge} is empty`));
    assert.notEqual(await bridgeOf(name), bridge);
    const drained = (await bridges()).find((one) => one.name === bridge);
    assert.deepEqual([drained.state, drained.load.participants], ['draining', 0]);
    const why = await shoal('why', `bp/${POOL}`);
    context.diagnostic(`\n${why}`);
    assert.match(why, new RegExp(`${bridge} drains for .*, because it was drained by hand .*; nobody is on it`));
    assert.match(why, /2 bridges wanted/);
    assert.match(why, /Draining/);
    await shoal('undrain', 'bridge', bridge);
    assert.equal((await bridges()).find((one) => one.name === bridge).state, 'ready');
    const pod = await read('pods', bridge, NAMESPACE);
    assert.equal(pod.metadata.annotations['shoal.video/drain'], undefined);
    await calls.everybodyIsIn();
});

test('a node is drained of its bridges, and gets them back', async () => {
    const { node } = (await bridges())[0];
    const there = (await bridges()).filter((one) => one.node === node).map((one) => one.name);
    const { names } = await data('drain', 'node', node, '--no-wait');
    assert.deepEqual(names, there);
    const marked = await Promise.all(there.map((name) => read('pods', name, NAMESPACE)));
    assert.ok(marked.every((pod) => pod.metadata.annotations['shoal.video/drain'] === 'true'));
    assert.equal((await data('undrain', 'node', node)).done, true);
    assert.match(await refused('drain', 'node', 'node99'), /no bridge of namespace meet is on node node99: bridges are on /);
});

test('a shard is drained and put back', async () => {
    assert.match(await shoal('drain', 'shard', SHARD, '--no-wait'), /warning: no other shard is active/);
    assert.equal((await read('jitsishards', SHARD, NAMESPACE)).spec.state, 'Draining');
    await doorsOffer(SHARD, false);
    assert.match(await shoal('undrain', 'shard', SHARD), /takes new rooms/);
    await doorsOffer(SHARD, true);
});

test('ClusterRole shoal-on-call is enough, and who lacks it is told', async () => {
    const kubeconfig = await account();
    const asked = (...args) => run(join(folder, 'kubectl-shoal'), [...args, '--kubeconfig', kubeconfig, '--namespace', NAMESPACE]);
    const before = await asked('status').then(() => assert.fail('nobody may look'), (error) => error.stderr);
    assert.match(before, /you may not list .* ask for ClusterRole shoal-on-call/);
    const role = await helm('template', RELEASE, CHART, '--kube-version=1.35.0', '--set=onCall.create=true', '--show-only=templates/on-call.yaml');
    await kubectl(['apply', '--filename=-'], { input: role });
    await kubectl(['--namespace', NAMESPACE, 'create', 'rolebinding', 'on-call', '--clusterrole=shoal-on-call', `--serviceaccount=${NAMESPACE}:on-call`]);
    const [{ name }] = await rooms();
    for (const args of [['status'], ['rooms'], ['where', name], ['why']]) {
        const { stdout } = await asked(...args);
        assert.doesNotMatch(stdout, /may not|not known/, args.join(' '));
    }
    const bridge = await bridgeOf(name);
    await asked('drain', 'bridge', bridge, '--no-wait');
    await asked('undrain', 'bridge', bridge);
});

/** A kubeconfig of an account that may nothing. */
async function account() {
    await apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'on-call', namespace: NAMESPACE } }]);
    const token = (await kubectl(['--namespace', NAMESPACE, 'create', 'token', 'on-call'])).trim();
    const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '--flatten', '--output=json']));
    config.users = [{ name: config.contexts[0].context.user, user: { token } }];
    const path = join(folder, 'on-call.json');
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
}

test('nobody was cut by any of it', async (context) => {
    const report = await calls.stop();
    calls = null;
    const gaps = noticed(report, 0, Infinity).gaps.map((gap) => gap.length_ms);
    await figure(context, `longest gap in media while kubectl shoal moved and drained: ${Math.max(0, ...gaps)} ms`);
    assert.equal(report.totals.cut, 0);
});
