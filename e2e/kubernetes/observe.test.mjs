// Dashboards and alerts, by a real Prometheus on the running cluster: every metric that they name exists, every expression
// gives data in a running meeting, and each alert fires when its cause is there.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../support/wait.mjs';
import { apply, kubectl, list, patch, read, remove } from './support/api.mjs';
import { killPod, needsOwnNodes, ROOT, signalPod } from './support/environment.mjs';
import { metricsOf } from './support/expressions.mjs';
import { figure } from './support/figures.mjs';
import { drop, dropNothing } from './support/filter.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { DEPLOYMENT } from './support/operator.mjs';
import { Prometheus } from './support/prometheus.mjs';
import { CLUSTER, ensureService, example, frontDoor, NAMESPACE, placed, podsOf, POOL, settled, SYSTEM } from './support/service.mjs';

const DASHBOARDS = join(ROOT, 'charts/shoal/files/dashboards');
/** Alerts whose cause is too costly for a cluster (a table with 800,000 rooms); promtool tests them (e2e/rules). */
const ELSEWHERE = ['ShoalFrontDoorTableFull'];
/** Panels that show nothing when all is well: title, and why. */
const EMPTY_WHEN_WELL = {
    'Packets dropped': 'only reasons for which something is dropped',
    'Writes to the API server': 'only what is written',
};
/** Metrics of autoscaling: the pool of the examples has none. */
const AUTOSCALING = ['operator_pool_bridges_maximum', 'operator_pool_autoscaling_active'];
const PEOPLE = 20;

let prometheus;
let people;
let door;
const fired = new Map();

before(async () => {
    await ensureService();
    door = await frontDoor();
    prometheus = await Prometheus.start({ forPercent: 2 });
    // An increase is seen of what was there before.
    await prometheus.scrapesAll(7);
    people = await LoadTest.start('observe', { ...door, rooms: 4, participants: PEOPLE / 4, senders: 1 });
    await people.everybodyIsIn();
});

after(async () => {
    await people?.stop().catch(() => {});
    await prometheus?.stop();
    await ensureService();
});

/** The panels of all dashboards, with everything chosen. */
async function panels() {
    const files = (await readdir(DASHBOARDS)).filter((file) => file.endsWith('.json'));
    const boards = await Promise.all(files.map(async (file) => JSON.parse(await readFile(join(DASHBOARDS, file), 'utf8'))));
    return boards.flatMap((board) =>
        board.panels
            .filter((panel) => panel.targets)
            .map((panel) => ({ title: panel.title, queries: panel.targets.map(({ expr }) => expr.replaceAll(/=~"\$\w+"/g, '=~".*"')) })),
    );
}

test('names of metrics are found in an expression', () => {
    const expression = '8 * sum by (pool, le) (rate(a_total{b=~"c{d}", e="f"}[2m])) / on (g) max(h:i:j) and k offset 5m > 1e3';
    assert.deepEqual(metricsOf(expression), ['a_total', 'h:i:j', 'k']);
});

test('every metric of a dashboard or a rule exists', async (context) => {
    const wanted = new Set();
    for (const { queries } of await panels()) queries.flatMap(metricsOf).forEach((name) => wanted.add(name));
    for (const rule of await prometheus.rules()) metricsOf(rule.query).forEach((name) => wanted.add(name));
    const missing = async () => {
        const known = new Set(await prometheus.metrics());
        return [...wanted].filter((name) => !known.has(name) && !AUTOSCALING.includes(name));
    };
    await until('every metric exists', async () => {
        const seen = await missing();
        return { ok: seen.length === 0, seen };
    });
    await figure(context, `metrics named in dashboards and rules: ${wanted.size}, each scraped from the cluster`);
});

test('every panel shows something in a running meeting', async (context) => {
    let count = 0;
    const empty = async () => {
        const titles = [];
        count = 0;
        for (const { title, queries } of await panels()) {
            for (const query of queries) {
                count += 1;
                if (metricsOf(query).some((name) => AUTOSCALING.includes(name))) continue;
                if ((await prometheus.query(query)).length === 0 && !(title in EMPTY_WHEN_WELL)) titles.push(`${title}: ${query}`);
            }
        }
        return titles;
    };
    await until('every panel has data', async () => {
        const seen = await empty();
        return { ok: seen.length === 0, seen };
    });
    await figure(context, `expressions of dashboards: ${count}, each with data in a running meeting but for those listed in the test`);
});

test('nothing fires while all is well', async () => {
    const rules = await prometheus.rules();
    const ill = rules.filter((rule) => rule.health !== 'ok');
    assert.deepEqual(ill, [], 'every rule can be evaluated');
    assert.deepEqual(await prometheus.firing(), []);
});

/** Does something, waits until `alerts` fire, undoes it, and waits until all is well again. */
async function causes(alerts, cause, strike, undo) {
    const start = Date.now();
    await strike();
    await until(
        `${alerts.join(', ')} fire`,
        async () => {
            const firing = await prometheus.firing();
            for (const one of firing) if (alerts.includes(one) && !fired.has(one)) fired.set(one, { cause, after: Date.now() - start });
            return { ok: alerts.every((one) => fired.has(one)), seen: firing };
        },
        { seconds: 120, every: 500 },
    );
    await undo();
}

test('people who vanish: sessions die', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    const crowd = await LoadTest.start('vanish', { ...door, rooms: 10, participants: 3, media: false });
    await crowd.everybodyIsIn();
    crowd.kill();
});

test('bridges that die: their people are moved', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    const bridges = await podsOf('bridge', { pool: POOL });
    await causes(['ShoalParticipantsMoving'], 'kill -9 of all bridges', () => Promise.all(bridges.map(killPod)), settled);
    await people.everybodyIsIn();
});

test('bridges that hang: they are missing, and the focus sees none', async (context) => {
    if (needsOwnNodes(context, 'SIGSTOP')) return;
    const bridges = await podsOf('bridge', { pool: POOL });
    await causes(
        ['ShoalBridgesMissing', 'ShoalFocusSeesNoBridge'],
        'SIGSTOP of all bridges',
        () => Promise.all(bridges.map((pod) => signalPod(pod, 'STOP'))),
        () => Promise.all(bridges.map((pod) => signalPod(pod, 'CONT'))),
    );
    await settled();
    await people.everybodyIsIn();
});

test('signalling that hangs: the shard is down', async (context) => {
    if (needsOwnNodes(context, 'SIGSTOP')) return;
    const [pod] = await podsOf('signalling');
    await causes(['ShoalShardDown'], 'SIGSTOP of signalling', () => signalPod(pod, 'STOP'), () => signalPod(pod, 'CONT'));
    await settled();
});

test('a front door that hangs', async (context) => {
    if (needsOwnNodes(context, 'SIGSTOP')) return;
    const [pod] = await podsOf('front-door');
    await causes(['ShoalFrontDoorDown'], 'SIGSTOP of HAProxy', () => signalPod(pod, 'STOP'), () => signalPod(pod, 'CONT'));
    await settled();
});

test('a network that loses packets', async (context) => {
    if (needsOwnNodes(context, 'a packet filter on the node')) return;
    const bridges = await podsOf('bridge', { pool: POOL });
    await causes(
        ['ShoalPacketLoss'],
        'a fifth of the packets to the bridges is lost',
        () => drop(bridges, 'input', 'meta l4proto udp numgen random mod 100 < 20'),
        () => dropNothing(bridges),
    );
    await people.everybodyIsIn();
});

test('a pool that may not grow, on nodes that are busy', async () => {
    const autoscaling = { minReplicas: 1, maxReplicas: 2, targetNetworkBytesPerSecond: 1000 };
    let busy = [];
    await causes(
        ['ShoalBridgePoolAtMaximum'],
        'more traffic than spec.autoscaling.maxReplicas bridges are to carry, and every core in use',
        async () => {
            await patch('bridgepools', POOL, NAMESPACE, { spec: { autoscaling } });
            busy = Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ['-e', 'for (;;);']));
        },
        async () => {
            for (const one of busy) one.kill('SIGKILL');
            await patch('bridgepools', POOL, NAMESPACE, { spec: { autoscaling: null, replicas: 2 } });
        },
    );
    await settled();
});

test('a certificate that ends in five days', async () => {
    const name = 'ends-soon';
    await causes(
        ['ShoalCertificateExpiring'],
        'spec.tls.secretName names a certificate that ends in five days',
        async () => {
            await apply([{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: NAMESPACE }, type: 'kubernetes.io/tls', stringData: await certificate(5) }]);
            await patch('jitsiclusters', CLUSTER, NAMESPACE, { spec: { tls: { secretName: name } } });
        },
        async () => {
            await patch('jitsiclusters', CLUSTER, NAMESPACE, { spec: { tls: null } });
            await remove('secrets', name, NAMESPACE);
        },
    );
    await settled();
});

/** A certificate for the domain that ends in so many days, and its key, as a Secret has them. */
async function certificate(days) {
    const { domain } = door;
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days)];
    const about = ['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain}`];
    // Both come on standard output.
    const { stdout } = await promisify(execFile)('openssl', [...made, ...about, '-keyout', '-', '-out', '-']);
    const part = (kind) => new RegExp(`-----BEGIN ${kind}-----[^]*-----END ${kind}-----\\n`).exec(stdout)[0];
    return { 'tls.crt': part('CERTIFICATE'), 'tls.key': part('PRIVATE KEY') };
}

test('no operator', async () => {
    const scale = (replicas) => kubectl(['--namespace', SYSTEM, 'scale', 'deployment', DEPLOYMENT, `--replicas=${replicas}`]);
    const { spec } = await read('deployments', DEPLOYMENT, SYSTEM);
    await causes(['ShoalOperatorDown'], 'the operator scaled to 0', () => scale(0), () => scale(spec.replicas));
    await until('an operator leads', async () => (await prometheus.query('operator_leader == 1')).length === 1, { seconds: 90 });
});

test('a name that is taken, and no metrics for the autoscaler: reconciles fail, autoscaling is blind', async () => {
    const taken = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other-addresses', namespace: NAMESPACE }, data: { mine: 'yes' } };
    const [pool] = await example('more/autoscaling.yaml');
    Object.assign(pool.metadata, { name: 'other' });
    pool.spec.exposure.basePort = 31500;
    pool.spec.autoscaling.minReplicas = 1;
    // Its only bridge finds no node, so nothing tells a number.
    pool.spec.pods = { scheduling: { nodeSelector: { 'kubernetes.io/hostname': 'nowhere' } } };
    await causes(
        ['ShoalReconcileFailing', 'ShoalAutoscalingBlind'],
        'a ConfigMap of somebody else under the name of one that a pool needs; a pool without metrics',
        () => apply([taken, placed(pool)]),
        async () => {
            await remove('configmaps', 'other-addresses', NAMESPACE);
            await remove('bridgepools', 'other', NAMESPACE);
        },
    );
    await until('the other pool is gone', async () => (await read('bridgepools', 'other', NAMESPACE)) === null, { seconds: 60 });
});

test('an address at which nothing answers: media is unreachable, and joins fail', async () => {
    const address = (addresses) => patch('bridgepools', POOL, NAMESPACE, { spec: { exposure: { addresses } } });
    await people.stop();
    people = null;
    let lost;
    await causes(
        ['ShoalMediaUnreachable', 'ShoalJoinsFailing'],
        'spec.exposure.addresses names an address where nothing is',
        async () => {
            await address({ source: 'Static', static: ['192.0.2.1'] });
            // A new bridge is probed at once.
            for (const pod of await podsOf('bridge', { pool: POOL })) await remove('pods', pod.metadata.name, NAMESPACE);
            await settled();
            lost = await LoadTest.start('lost', { ...door, rooms: 10, participants: 2, senders: 1, duration: '40s' });
        },
        async () => {
            lost.kill();
            await address(null);
        },
    );
    await settled();
});

test('a pod that somebody holds: its drain is stuck', async () => {
    const [, last] = await podsOf('bridge', { pool: POOL });
    const hold = (finalizers) => patch('pods', last.metadata.name, NAMESPACE, { metadata: { finalizers } });
    const size = (replicas, timeout) => patch('bridgepools', POOL, NAMESPACE, { spec: { replicas, drain: { timeout } } });
    await causes(
        ['ShoalDrainStuck'],
        "a finalizer on a draining bridge's pod",
        async () => {
            await hold(['shoal.video/test']);
            await size(1, '2s');
        },
        async () => {
            await hold(null);
            await size(2, null);
        },
    );
    await settled();
});

test('sessions of those who vanished have died', async (context) => {
    if (needsOwnNodes(context, 'kill -9')) return;
    await causes(['ShoalSessionsDying'], 'kill -9 of 30 people', () => {}, () => {});
});

test('each alert has fired, here or in a test of promtool', async (context) => {
    if (needsOwnNodes(context, 'all alerts')) return;
    for (const [alert, { cause, after }] of fired) await figure(context, `${alert} fired ${(after / 1000).toFixed(1)} s after: ${cause}`);
    const all = (await prometheus.rules()).filter((rule) => rule.type === 'alerting').map((rule) => rule.name);
    assert.deepEqual([...fired.keys(), ...ELSEWHERE].sort(), all.sort());
    const tests = await readFile(join(ROOT, 'e2e/rules/alerts.test.yaml'), 'utf8');
    for (const alert of ELSEWHERE) assert.match(tests, new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n`), `promtool has ${alert} fire`);
});
