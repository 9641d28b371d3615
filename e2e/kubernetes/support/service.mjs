// The meeting service of the examples, as a person applies it, and people at its page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { Participant } from '../../support/participant.mjs';
import { until } from '../../support/wait.mjs';
import { apply, condition, holds, kubectl, list, OWNED_KINDS, path, read, remove, request, SHOAL_KINDS } from './api.mjs';
import { local, ROOT } from './environment.mjs';
import { forward } from './forward.mjs';

/** Where the examples are applied. */
export const NAMESPACE = 'meet';
/** Where the operator is. */
export const SYSTEM = 'shoal-system';
/** The names in the examples. */
export const CLUSTER = 'default';
export const SHARD = 'a';
export const POOL = 'bridges';

const EXAMPLES = join(ROOT, 'charts/shoal/examples');

/** Objects of an example file. */
export async function example(file) {
    const text = await readFile(join(EXAMPLES, file), 'utf8');
    return parseAllDocuments(text).map((document) => ({ ...document.toJS() }));
}

/** The three examples, in the test's namespace. */
export async function examples() {
    const objects = (await Promise.all(['cluster.yaml', 'shard.yaml', 'pool.yaml'].map(example))).flat();
    return objects.map(placed);
}

/** An object in the test's namespace. */
export const placed = (object) => ({ ...object, metadata: { ...object.metadata, namespace: NAMESPACE } });

/** The test's namespace, with the strictest Pod Security. */
const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
};

/** Removes all resources of Shoal but those named (`kind/name`), and waits until nothing of them is left. */
export async function removeOthers(keep = []) {
    const others = async () => {
        const all = await Promise.all(SHOAL_KINDS.map(async (kind) => (await list(kind, { namespace: NAMESPACE })).map((one) => [kind, one])));
        return all.flat().filter(([kind, one]) => !keep.includes(`${kind}/${one.metadata.name}`));
    };
    const kept = new Set(keep.map((name) => name.split('/')[1]));
    const remains = async () => {
        const resources = (await others()).map(([kind, one]) => `${kind}/${one.metadata.name}: ${one.status?.message}`);
        const objects = (await made(OWNED_KINDS)).filter(({ object }) => !kept.has(object.metadata.labels['app.kubernetes.io/instance']));
        return [...resources, ...objects.map(({ kind, object }) => `${kind}/${object.metadata.name}`)];
    };
    for (const [kind, one] of await others()) await remove(kind, one.metadata.name, NAMESPACE);
    await until(
        'what other tests left is gone',
        async () => {
            const seen = await remains();
            return { ok: seen.length === 0, seen };
        },
        { seconds: 120, every: 500 },
    );
}

/** Every object that the operator made in the test's namespace, as `{ kind, object }`. */
export async function made(kinds) {
    const selector = 'app.kubernetes.io/managed-by=shoal-operator';
    const lists = await Promise.all(
        kinds.map(async (kind) => (await list(kind, { namespace: NAMESPACE, selector })).map((object) => ({ kind, object }))),
    );
    return lists.flat();
}

/** Applies `objects` in the test's namespace, which is made where it is missing. */
export async function applyAll(objects) {
    await apply([namespace]);
    await apply(objects);
}

/** Waits until every resource of Shoal in the test's namespace is ready for its spec. */
export async function allReady({ seconds = 180 } = {}) {
    await until(
        'all resources are Ready',
        async () => {
            const all = (await Promise.all(SHOAL_KINDS.map((kind) => list(kind, { namespace: NAMESPACE })))).flat();
            const waiting = all.filter((one) => !holds(one, 'Ready'));
            return {
                ok: all.length >= SHOAL_KINDS.length && waiting.length === 0,
                seen: waiting.map((one) => `${one.kind ?? ''}/${one.metadata.name}: ${one.status?.message ?? 'no status'}`),
            };
        },
        { seconds, every: 250 },
    );
}

/** Waits until, besides, no rollout is under way and every pod serves. */
export async function settled({ seconds = 180 } = {}) {
    await until(
        'everything runs as it is to run',
        async () => {
            const all = (await Promise.all(SHOAL_KINDS.map((kind) => list(kind, { namespace: NAMESPACE })))).flat();
            const moving = all.filter((one) => !holds(one, 'Ready') || condition(one, 'Progressing').status !== 'False');
            const pods = (await made(['pods'])).map(({ object }) => object).filter((pod) => !isReady(pod) || pod.metadata.deletionTimestamp);
            return { ok: moving.length + pods.length === 0, seen: [...moving, ...pods].map((one) => one.metadata.name) };
        },
        { seconds, every: 250 },
    );
}

/** Has the three examples and nothing else, settled. */
export async function ensureService() {
    await removeOthers([`jitsiclusters/${CLUSTER}`, `jitsishards/${SHARD}`, `bridgepools/${POOL}`]);
    await applyAll(await examples());
    for (const object of await examples()) await reset(object);
    await allReady();
    await settled();
}

/** Gives a resource the example's spec and nothing else: `apply` leaves what others have set. */
async function reset({ kind, metadata, spec }) {
    const resource = SHOAL_KINDS.find((plural) => plural === `${kind.toLowerCase()}s`);
    // The operator may write its status at this moment: then it is read again.
    await until(`${kind} ${metadata.name} is as in the example`, async () => {
        const live = await read(resource, metadata.name, NAMESPACE);
        const { status, body } = await request('PUT', path(resource, { name: metadata.name, namespace: NAMESPACE }), { ...live, spec });
        return { ok: status === 200, seen: body.message };
    });
}

/** How the front door is reached: `{ url, domain, address, connect }`, the last as a list of `ADDRESS:PORT`. */
export async function frontDoor() {
    const cluster = await read('jitsiclusters', CLUSTER, NAMESPACE);
    const { domain } = cluster.spec;
    const service = await read('services', `${CLUSTER}-front-door`, NAMESPACE);
    const https = service.spec.ports.find((port) => port.name === 'https');
    const balancer = service.status.loadBalancer?.ingress?.[0];
    const port = balancer ? https.port : https.nodePort;
    const address = balancer ? (balancer.ip ?? balancer.hostname) : await nodeAddress(await podsOf('front-door'));
    assert.ok(port, 'the front door has a port that people reach');
    return { url: port === 443 ? `https://${domain}` : `https://${domain}:${port}`, domain, address, connect: [`${address}:${port}`] };
}

/** An address, as people outside reach it, of a node on which one of the pods is ready; of any node when there are none. */
export async function nodeAddress(pods = []) {
    const names = pods.filter(isReady).map((pod) => pod.spec.nodeName);
    const first = (nodes, name) => nodes.find((node) => names.includes(name(node))) ?? nodes[0];
    if (local) return first(local.nodes, (node) => node.name).address;
    const { status } = first(await list('nodes'), (node) => node.metadata.name);
    const best = ['ExternalIP', 'InternalIP'].map((type) => status.addresses.find((one) => one.type === type)).find(Boolean);
    return best.address;
}

/** `ADDRESS:PORT` of every front door by itself, in order. */
export const doors = () => reached(8443);

async function reached(port) {
    const pods = await podsOf('front-door');
    return Promise.all(pods.map((pod) => (local ? `${pod.status.podIP}:${port}` : forward(pod, port))));
}

/** Waits until every front door gives a shard new rooms, or gives it none. */
export async function doorsOffer(shard, offered) {
    const places = await reached(8404);
    // A reload ends the connection that an earlier look has left open: then it is seen at the next look.
    const weight = async (place) => {
        const text = await fetch(`http://${place}/stats;csv`).then((answer) => answer.text(), () => '');
        const rows = text.split('\n').map((row) => row.split(','));
        return rows.find(([proxy, server]) => proxy === 'signalling' && server === shard)?.[18];
    };
    await until(
        `every front door offers ${shard} ${offered ? 'rooms' : 'no room'}`,
        async () => {
            const seen = await Promise.all(places.map(weight));
            return { ok: seen.every((value) => value !== undefined && Number(value) > 0 === offered), seen };
        },
        { seconds: 90, every: 250 },
    );
}

/** Pods of a component (and, where given, of one shard or pool), in order of their names. */
export async function podsOf(component, { shard, pool } = {}) {
    const labels = [`app.kubernetes.io/component=${component}`, 'app.kubernetes.io/managed-by=shoal-operator'];
    if (shard) labels.push(`shoal.video/shard=${shard}`);
    if (pool) labels.push(`shoal.video/pool=${pool}`);
    const pods = await list('pods', { namespace: NAMESPACE, selector: labels.join(',') });
    return pods.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

/** Whether a pod serves. */
export const isReady = (pod) => pod.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');

/** A person joins a room at the page, in a browser that finds the domain at the front door. */
export function joinMeeting(person, room, door) {
    const flags = [`--host-resolver-rules=MAP ${door.domain} ${door.address}`];
    return Participant.join(person, `${door.url}/${room}`, { flags });
}

/** Waits until each of `people` sees the colour of each other. */
export async function allSeeAll(people, options) {
    for (const one of people) {
        for (const other of people.filter((other) => other !== one)) await one.sees(other.person, options);
    }
}

/** What `kubectl get jcl,jsh,bp` shows. */
export const table = () => kubectl(['--namespace', NAMESPACE, 'get', 'jcl,jsh,bp']);
