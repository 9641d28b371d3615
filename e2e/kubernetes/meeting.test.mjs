// The examples are applied, and three people meet in real browsers: on one node, and over two.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { BLUE, GREEN, RED } from '../support/people.mjs';
import { until } from '../support/wait.mjs';
import { kubectl, list, read } from './support/api.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import {
    allReady,
    allSeeAll,
    applyAll,
    CLUSTER,
    ensureService,
    examples,
    frontDoor,
    joinMeeting,
    NAMESPACE,
    podsOf,
    POOL,
    removeOthers,
    SHARD,
    table,
} from './support/service.mjs';

let people = [];

after(async () => {
    await everybodyLeaves();
    await ensureService();
});

async function everybodyLeaves() {
    await Promise.all(people.map((one) => one.browser.close()));
    people = [];
}

/** The examples with everything on node `home`, and the bridges on node `bridges`. */
async function placedOn({ home, bridges }) {
    const on = (node) => ({ scheduling: { nodeSelector: { 'kubernetes.io/hostname': node } } });
    const [cluster, shard, pool] = await examples();
    cluster.spec.frontDoor.pods = on(home);
    cluster.spec.web = { pods: on(home) };
    shard.spec = { ...shard.spec, signalling: on(home), focus: { pods: on(home) } };
    pool.spec.pods = on(bridges);
    return [cluster, shard, pool];
}

/** `address:port` of every bridge, as the operator has them advertise it. */
async function advertised() {
    const addresses = (await read('configmaps', `${POOL}-addresses`, NAMESPACE)).data;
    const pods = await podsOf('bridge', { pool: POOL });
    return pods.flatMap((pod) => {
        const port = addresses[`port.${pod.metadata.name}`]?.trim();
        const lines = addresses[`node.${pod.spec.nodeName}`].split('\n').filter((line) => line && !line.startsWith('#'));
        return lines.map((address) => `${address}:${port}`);
    });
}

/** From nothing to three people who see and hear each other; gives the time from apply. */
async function meet(objects, room) {
    await removeOthers();
    const start = Date.now();
    await applyAll(objects);
    await allReady();
    const ready = secondsSince(start);
    const door = await frontDoor();
    people = await Promise.all([RED, GREEN, BLUE].map((person) => joinMeeting(person, room, door)));
    await allSeeAll(people, { seconds: 60 });
    return `${secondsSince(start)} (all resources Ready after ${ready})`;
}

async function mediaComesFromTheBridges() {
    const bridges = new Set(await advertised());
    for (const one of people) {
        const peers = (await one.mediaPeers()).map(({ address, port }) => `${address}:${port}`);
        assert.ok(peers.length > 0, `${one.person.name} is connected to a bridge`);
        for (const peer of peers) assert.ok(bridges.has(peer), `${peer} is advertised by a bridge: ${[...bridges]}`);
    }
}

async function nodesOf(component) {
    return new Set((await podsOf(component)).map((pod) => pod.spec.nodeName));
}

test('three people meet over TLS, everything on one node', async (context) => {
    const [node] = await list('nodes');
    const home = node.metadata.name;
    const time = await meet(await placedOn({ home, bridges: home }), 'OneNode');
    await figure(context, `kubectl apply to three people who see each other, one node: ${time}`);
    await people[0].tone(0.5);
    for (const one of people.slice(1)) await one.hears();
    for (const one of people) await one.decodes(2);
    await mediaComesFromTheBridges();
    assert.deepEqual([...(await nodesOf('bridge'))], [home]);
});

test('kubectl get jcl,jsh,bp shows the meeting', async (context) => {
    await allReady();
    for (const [kind, name] of [
        ['jitsiclusters', CLUSTER],
        ['jitsishards', SHARD],
        ['bridgepools', POOL],
    ]) {
        await until(
            `${kind} counts 1 conference and 3 participants`,
            async () => {
                const { conferences, participants } = (await read(kind, name, NAMESPACE)).status;
                return { ok: conferences === 1 && participants === 3, seen: { conferences, participants } };
            },
            { seconds: 30, every: 500 },
        );
    }
    const shown = await table();
    for (const line of shown.trimEnd().split('\n')) context.diagnostic(line);
    // What a column is called and where it stands is the resource's; that it is there is what a person needs.
    for (const word of [`jitsicluster.shoal.video/${CLUSTER}`, `jitsishard.shoal.video/${SHARD}`, `bridgepool.shoal.video/${POOL}`]) {
        const row = shown.split('\n').find((line) => line.startsWith(word));
        assert.match(row ?? '', /\bTrue\b/, `${word} is shown as Ready`);
        assert.match(row, /\b1 +3\b/, `${word} shows 1 conference and 3 participants`);
    }
    const events = await kubectl(['--namespace', NAMESPACE, 'describe', 'jsh', SHARD]);
    assert.match(events, /Events:\n +Type +Reason/, 'describe shows events of the shard');
});

test('three people meet over TLS, the bridges on another node than the front door', async (context) => {
    const nodes = (await list('nodes')).map((node) => node.metadata.name);
    if (nodes.length < 2) return context.skip('two nodes are needed: this cluster has one');
    await everybodyLeaves();
    const time = await meet(await placedOn({ home: nodes[0], bridges: nodes[1] }), 'TwoNodes');
    await figure(context, `kubectl apply to three people who see each other, two nodes: ${time}`);
    await people[1].tone(0.5);
    for (const one of [people[0], people[2]]) await one.hears();
    for (const one of people) await one.decodes(2);
    await mediaComesFromTheBridges();
    assert.deepEqual([...(await nodesOf('bridge'))], [nodes[1]]);
    assert.deepEqual([...(await nodesOf('front-door'))], [nodes[0]]);
    await people[0].picture('kubernetes-two-nodes');
});
