// An Ingress controller, and a Gateway of the Gateway API, in front of the front door: Traefik plays both.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { GREEN, RED } from '../support/people.mjs';
import { until } from '../support/wait.mjs';
import { apply, kubectl, list, read } from './support/api.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import {
    allReady,
    allSeeAll,
    CLUSTER,
    ensureService,
    example,
    frontDoor,
    isReady,
    joinMeeting,
    NAMESPACE,
    nodeAddress,
    placed,
} from './support/service.mjs';

const GATEWAYS = 'gateways';
const CERTIFICATE = 'meet-tls';

let address;
let people = [];

const manifest = async () => {
    const text = await readFile(new URL('ingress.yaml', import.meta.url), 'utf8');
    return parseAllDocuments(text).map((document) => document.toJS());
};

before(async () => {
    const image = process.env.SHOAL_TRAEFIK_IMAGE;
    assert.ok(image, 'run this by `cargo xtask test --only ingress`, which makes the image');
    await ensureService();
    address = await nodeAddress();
    await kubectl(['apply', '--server-side', `--filename=${process.env.SHOAL_GATEWAY_API}`]);
    await kubectl(['wait', '--for=condition=Established', 'crd/gateways.gateway.networking.k8s.io', '--timeout=30s']);
    const objects = await manifest();
    objects.find((object) => object.kind === 'Deployment').spec.template.spec.containers[0].image = image;
    await apply(objects);
    // Any certificate will do: the browsers of this test believe all.
    const { data } = await read('secrets', `${CLUSTER}-front-door-tls`, NAMESPACE);
    const certificate = (namespace) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name: CERTIFICATE, namespace },
        data: { 'tls.crt': data['tls.crt'], 'tls.key': data['tls.key'] },
    });
    await apply([certificate(NAMESPACE), certificate(GATEWAYS)]);
    await until('Traefik runs', async () => (await list('pods', { namespace: GATEWAYS })).some(isReady), { seconds: 90 });
});

after(async () => {
    await leave();
    await ensureService();
    await kubectl(['--namespace', NAMESPACE, 'delete', 'secret', CERTIFICATE, '--ignore-not-found']);
    await kubectl(['delete', '--ignore-not-found', '--filename=-'], {
        input: { apiVersion: 'v1', kind: 'List', items: await manifest() },
    });
    await kubectl(['delete', '--ignore-not-found', `--filename=${process.env.SHOAL_GATEWAY_API}`]);
});

async function leave() {
    await Promise.all(people.map((one) => one.browser.close()));
    people = [];
}

/** Two people meet through Traefik. */
async function meet(room) {
    const { domain } = (await read('jitsiclusters', CLUSTER, NAMESPACE)).spec;
    const port = (await read('services', 'traefik', GATEWAYS)).spec.ports[0].nodePort;
    const door = { url: `https://${domain}:${port}`, domain, address };
    people = await Promise.all([RED, GREEN].map((person) => joinMeeting(person, room, door)));
    await allSeeAll(people, { seconds: 60 });
    for (const one of people) await one.decodes(1);
    await leave();
}

/** Applies an example of an exposure; waits until what it makes is taken by the controller. */
async function expose(file, adapt, taken) {
    const [cluster] = (await example(`more/${file}`)).map(placed);
    adapt(cluster.spec);
    const start = Date.now();
    await apply([cluster]);
    await until('the controller has taken it', taken, { seconds: 60, every: 250 });
    await allReady();
    return start;
}

test('a meeting goes through an Ingress', async (context) => {
    const start = await expose(
        'ingress.yaml',
        // The issuer of the example is cert-manager's; the certificate is there already.
        (spec) => delete spec.tls.issuerRef,
        async () => {
            const ingress = await read('ingresses', CLUSTER, NAMESPACE);
            return ingress?.spec.ingressClassName === 'traefik' && ingress.spec.tls[0].secretName === CERTIFICATE;
        },
    );
    assert.equal((await read('services', `${CLUSTER}-front-door`, NAMESPACE)).spec.type, 'ClusterIP', 'the front door itself is not exposed');
    await meet('ThroughIngress');
    await figure(context, `exposure changed to Ingress, to two people who see each other through Traefik: ${secondsSince(start)}`);
});

test('a meeting goes through a Gateway', async (context) => {
    const accepted = (parent) => parent.conditions.some((one) => one.type === 'Accepted' && one.status === 'True');
    const start = await expose(
        'gateway.yaml',
        () => {},
        async () => ((await read('httproutes', CLUSTER, NAMESPACE))?.status?.parents ?? []).some(accepted),
    );
    assert.equal(await read('ingresses', CLUSTER, NAMESPACE), null, 'the Ingress of before is gone');
    await meet('ThroughGateway');
    await figure(context, `exposure changed to Gateway, to two people who see each other through Traefik: ${secondsSince(start)}`);
});

test('back at a node port, the route is gone', async () => {
    await ensureService();
    assert.equal(await read('httproutes', CLUSTER, NAMESPACE), null);
    assert.match((await frontDoor()).url, /:30443$/);
});
