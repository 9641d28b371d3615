// Each way in which media reaches a bridge, and what a person is told where it does not.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { apply, condition, holds, patch, read, remove, untilObject } from './support/api.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { CLUSTER, doors, ensureService, frontDoor, NAMESPACE, podsOf, POOL } from './support/service.mjs';

const NAME = 'exposed';

/** A pool of one bridge that is exposed in some way. */
const pool = (exposure) => ({
    apiVersion: 'shoal.video/v1alpha1',
    kind: 'BridgePool',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: { clusterRef: CLUSTER, replicas: 1, exposure, drain: { timeout: '5s' } },
});

const strictness = (level) => patch('namespaces', NAMESPACE, undefined, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } });
const gone = async () => {
    await remove('bridgepools', NAME, NAMESPACE);
    await untilObject('the pool is gone', 'bridgepools', NAME, NAMESPACE, (one) => one === null);
};
const reachable = (one) => holds(one, 'Ready') && condition(one, 'MediaReachable')?.status === 'True';

before(ensureService);

afterEach(gone);

after(async () => {
    await strictness('restricted');
    await ensureService();
});

/** The only bridges are those of the pool under test: two people meet over them. */
async function aMeetingOverThePool(label) {
    await remove('bridgepools', POOL, NAMESPACE);
    await untilObject('the pool of the examples is gone', 'bridgepools', POOL, NAMESPACE, (one) => one === null);
    const { url } = await frontDoor();
    const calls = await LoadTest.start(label, { url, connect: await doors(), rooms: 1, participants: 2, duration: '5s' });
    const { code, totals } = await calls.report();
    assert.equal(code, 0, `media of a meeting over ${label}`);
    assert.deepEqual([totals.joined, totals.missing_media, totals.cut], [2, 0, 0]);
    await gone();
    await ensureService();
}

test('host ports are refused by a strict namespace, and the pool says so', async () => {
    await apply([pool({ type: 'HostPort', port: 20000 })]);
    const refused = await untilObject('the pool says why', 'bridgepools', NAME, NAMESPACE, (one) => /PodSecurity/.test(one?.status?.message));
    assert.equal(condition(refused, 'Ready').status, 'False');
    assert.match(refused.status.message, /hostPort/, 'the sentence names the field');
});

test('host ports: the node’s own address and port', async () => {
    await strictness('privileged');
    await apply([pool({ type: 'HostPort', port: 20000 })]);
    await untilObject('media reaches the pool', 'bridgepools', NAME, NAMESPACE, reachable);
    const [pod] = await podsOf('bridge', { pool: NAME });
    assert.equal(pod.spec.containers[0].ports.find((port) => port.protocol === 'UDP').hostPort, 20000);
    await aMeetingOverThePool('host-port');
});

test('the node’s own network', async () => {
    await strictness('privileged');
    await apply([pool({ type: 'HostNetwork', port: 20001 })]);
    await untilObject('media reaches the pool', 'bridgepools', NAME, NAMESPACE, reachable);
    const [pod] = await podsOf('bridge', { pool: NAME });
    assert.equal(pod.spec.hostNetwork, true);
    await aMeetingOverThePool('host-network');
});

test('a load balancer for each bridge: its address is told once it is known', async () => {
    await strictness('restricted');
    await apply([pool({ type: 'LoadBalancer' })]);
    await untilObject('media reaches the pool', 'bridgepools', NAME, NAMESPACE, reachable);
    const service = await read('services', `${NAME}-bridge-0`, NAMESPACE);
    const address = service.status.loadBalancer.ingress[0].ip;
    const told = (await read('configmaps', `${NAME}-addresses`, NAMESPACE)).data[`pod.${NAME}-bridge-0`];
    assert.equal(told, `${address}\n`);
    await aMeetingOverThePool('load-balancer');
});

test('where media does not arrive, MediaReachable says which address and what to check', async () => {
    // Nothing answers there: as behind a firewall that blocks UDP.
    const address = '10.99.0.250';
    await apply([pool({ type: 'NodePort', basePort: 31500, addresses: { source: 'Static', static: [address] } })]);
    const deaf = await untilObject(
        'the probe has failed',
        'bridgepools',
        NAME,
        NAMESPACE,
        (one) => condition(one, 'MediaReachable')?.status === 'False',
    );
    const { message } = condition(deaf, 'MediaReachable');
    assert.ok(message.includes(address) && message.includes('31500'), message);
    assert.match(message, /firewall/i);
    // The right address heals it: node ports of bridges are those of their own node.
    const [pod] = await podsOf('bridge', { pool: NAME });
    await apply([pool({ type: 'NodePort', basePort: 31500, addresses: { source: 'Static', static: [pod.status.hostIP] } })]);
    await untilObject('media reaches the pool', 'bridgepools', NAME, NAMESPACE, reachable);
});
