// Two shards: rooms stay whole, a killed shard's rooms come back, a drained one empties.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { apply, condition, holds, kubectl, read, untilObject } from './support/api.mjs';
import { killPod, needsOwnNodes } from './support/environment.mjs';
import { figure, secondsSince, spread } from './support/figures.mjs';
import { LoadTest, noticed } from './support/loadtest.mjs';
import { doors, doorsOffer, ensureService, example, frontDoor, NAMESPACE, placed, podsOf, settled, SHARD } from './support/service.mjs';

const ROOMS = 200;
let second;
let door;
let rooms;
/** Moments of the run, in its own milliseconds. */
const at = {};

before(async () => {
    await ensureService();
    door = await frontDoor();
});

after(async () => {
    await rooms?.stop().catch(() => {});
    await ensureService();
});

const shard = (name) => read('jitsishards', name, NAMESPACE);

/** Rooms of a shard, as its focus counts them. */
const conferences = async (name) => (await shard(name)).status.conferences;

test('a second shard is one more apply', async (context) => {
    const [object] = await example('more/second-shard.yaml');
    second = object.metadata.name;
    const start = Date.now();
    await apply([placed(object)]);
    await untilObject('the second shard is Ready', 'jitsishards', second, NAMESPACE, (one) => holds(one, 'Ready'));
    await figure(context, `a second shard, from apply to Ready: ${secondsSince(start)}`);
    await settled();
});

test('200 rooms opened at one instant by pairs through two front doors: none is split', async (context) => {
    const connect = await doors();
    assert.equal(connect.length, 2, 'two front doors');
    rooms = await LoadTest.start('shards', { url: door.url, connect, rooms: ROOMS, participants: 2, media: false });
    await rooms.everybodyIsIn({ seconds: 90 });
    at.opened = rooms.now;
    await until(
        'the shards count all rooms',
        async () => {
            const counts = await Promise.all([SHARD, second].map(conferences));
            return { ok: counts[0] + counts[1] === ROOMS, seen: counts };
        },
        { seconds: 40, every: 500 },
    );
    const [first, other] = await Promise.all([SHARD, second].map(conferences));
    await figure(context, `${ROOMS} rooms opened at once through two front doors: ${first} on shard ${SHARD}, ${other} on shard ${second}`);
    for (const count of [first, other]) {
        assert.ok(count >= ROOMS * 0.35 && count <= ROOMS * 0.65, `a fair share is 35 to 65 %, and this is ${count} of ${ROOMS}`);
    }
});

test('kill -9 of a shard: its rooms come back, everybody of a room together', async (context) => {
    if (needsOwnNodes(context, 'kill -9 of a shard')) return;
    const before = await Promise.all(['signalling', 'focus'].map(async (part) => (await podsOf(part, { shard: second }))[0]));
    const had = await conferences(SHARD);
    at.killed = rooms.now;
    const killed = await Promise.all(before.map(killPod));
    assert.ok(killed.every((count) => count >= 1), `processes of every pod were killed: ${killed}`);
    await untilObject('the killed shard is Ready again', 'jitsishards', second, NAMESPACE, (one) => holds(one, 'Ready'));
    await until(
        'the shards count all rooms again, more of them on the one that lives',
        async () => {
            const counts = await Promise.all([SHARD, second].map(conferences));
            return { ok: counts[0] > had && counts[0] + counts[1] === ROOMS, seen: counts };
        },
        // Who came back to the killed shard too soon, and went on to the other, is missed there after a minute.
        { seconds: 100, every: 500 },
    );
    await rooms.everybodyIsIn({ seconds: 90 });
    at.recovered = rooms.now;
});

test('a drained shard keeps its rooms until they are empty, and gets no new one', async (context) => {
    const has = await conferences(SHARD);
    assert.ok(has > 0, 'the shard to be drained has rooms');
    const asked = Date.now();
    await kubectl(['--namespace', NAMESPACE, 'patch', 'jsh', SHARD, '--type=merge', '--patch={"spec":{"state":"Draining"}}']);
    await untilObject('the shard is Draining', 'jitsishards', SHARD, NAMESPACE, (one) => holds(one, 'Draining'));
    await doorsOffer(SHARD, false);
    await figure(context, `a shard is asked to drain, to no front door giving it new rooms: ${secondsSince(asked)}`);
    at.drained = rooms.now;
    const fresh = await LoadTest.start('drain', { url: door.url, connect: await doors(), rooms: 50, participants: 2, media: false, duration: '5s' });
    const report = await fresh.report();
    assert.deepEqual(report.totals.rooms_by_shard, { [second]: 50 }, 'every new room is on the other shard');
    assert.deepEqual(report.totals.rooms_split, []);
    assert.notEqual(condition(await shard(SHARD), 'Drained')?.status, 'True', 'a shard with rooms is not Drained');
    assert.equal(await conferences(SHARD), has, 'its rooms are still there');
    at.left = rooms.now;

    const whole = await rooms.stop();
    rooms = null;
    const start = Date.now();
    await untilObject('the empty shard is Drained', 'jitsishards', SHARD, NAMESPACE, (one) => holds(one, 'Drained'), { seconds: 60 });
    await figure(context, `the last of ${has} rooms has left to Drained: ${secondsSince(start)}`);
    await judge(context, whole);

    await kubectl(['--namespace', NAMESPACE, 'patch', 'jsh', SHARD, '--type=merge', '--patch={"spec":{"state":"Active"}}']);
    await untilObject(
        'the shard takes rooms again',
        'jitsishards',
        SHARD,
        NAMESPACE,
        (one) => holds(one, 'Ready') && one.status.state === 'Active',
    );
});

/** What the 400 people of the long run noticed. */
async function judge(context, report) {
    const { totals } = report;
    await figure(context, `joining ${ROOMS} rooms at once: p50 ${totals.join_ms.p50} ms, p95 ${totals.join_ms.p95} ms, max ${totals.join_ms.max} ms`);
    assert.equal(totals.joined, ROOMS * 2);
    assert.deepEqual(totals.rooms_split, [], 'no room is split');
    assert.equal(totals.cut, 0, 'nobody is thrown out');
    const drain = noticed(report, at.drained, at.left);
    assert.deepEqual(drain.interruptions, [], 'nobody notices the drain');
    if (at.killed === undefined) return;
    const kill = noticed(report, at.killed, at.recovered).interruptions;
    const lengths = kill.map((one) => one.length_ms);
    await figure(context, `kill -9 of a shard, until its people were in their rooms again: ${spread(lengths)}`);
    assert.ok(lengths.length > 0, 'the killed shard had people');
    const after = new Map();
    for (const one of kill) after.set(one.shard_after, (after.get(one.shard_after) ?? 0) + 1);
    await figure(context, `where they came back: ${[...after].map(([name, count]) => `${count} on ${name}`).join(', ')}`);
}
