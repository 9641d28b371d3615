// The operator is away for the whole of a scale-up and a scale-down, and goes in the midst of a drain: calls go on, nobody is
// interrupted, and it catches up when it is back. Of two operators the one that leads is killed: autoscalers go on seeing numbers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { kubectl, list, patch, read, untilObject } from './support/api.mjs';
import { numbers } from './support/autoscaling.mjs';
import { carrying } from './support/bridges.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import { impact, moment, tellImpact } from './support/impact.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { DEPLOYMENT, operators } from './support/operator.mjs';
import { repeatedly } from './support/repeatedly.mjs';
import { ensureService, frontDoor, isReady, NAMESPACE, podsOf, POOL, settled, SYSTEM } from './support/service.mjs';

const ROOMS = 6;
const PARTICIPANTS = 3;
const PEOPLE = ROOMS * PARTICIPANTS;

let calls;
/** How many operators there were. */
let replicas;
/** What happened, with the moments between which its effects lie. */
const incidents = [];

before(async () => {
    await ensureService();
    replicas = (await read('deployments', DEPLOYMENT, SYSTEM)).spec.replicas;
});

after(async () => {
    await calls?.stop().catch(() => {});
    await operatorReturns();
    await ensureService();
});

const scaleOperator = (count) => patch('deployments', DEPLOYMENT, SYSTEM, { spec: { replicas: count } });

async function operatorLeaves() {
    await scaleOperator(0);
    await until('no operator runs', async () => {
        const pods = await operators();
        return { ok: pods.length === 0, seen: pods.map((pod) => pod.metadata.name) };
    });
}

async function operatorReturns() {
    await scaleOperator(replicas);
    await until(
        'the operator runs',
        async () => {
            const pods = await operators();
            return { ok: pods.length === replicas && pods.every(isReady), seen: pods.map((pod) => pod.status.phase) };
        },
        { seconds: 90 },
    );
}

const scale = (count) => kubectl(['--namespace', NAMESPACE, 'scale', 'bp', POOL, `--replicas=${count}`]);
const stateful = () => read('statefulsets', `${POOL}-bridge`, NAMESPACE);

/** Waits until exactly `count` bridges take meetings and no other pod is there. */
const follows = (count) =>
    untilObject(
        `${count} bridges take meetings`,
        'bridgepools',
        POOL,
        NAMESPACE,
        (pool) => pool.status.bridges.ready === count && pool.status.replicas === count,
        { seconds: 120 },
    );

/** Does something while people are in calls, and notes between which moments its effects lie. */
async function incident(name, act) {
    const from = moment(calls);
    await act();
    await settled();
    await calls.everybodyIsIn();
    incidents.push({ name, from, to: moment(calls) });
}

test('six calls of three begin', async () => {
    calls = await LoadTest.start('away', { ...(await frontDoor()), rooms: ROOMS, participants: PARTICIPANTS, senders: 2 });
    await calls.everybodyIsIn();
});

test('the pool is scaled up while the operator is away', async (context) => {
    await incident('scaled up without an operator', async () => {
        await operatorLeaves();
        await scale(3);
        // It is well said after the number was changed, so calls go on with it.
        await calls.everybodyIsIn();
        assert.equal((await stateful()).spec.replicas, 2, 'nobody follows the number');
        const back = Date.now();
        await operatorReturns();
        await follows(3);
        await figure(context, `the operator is back, to the bridge that was asked for meanwhile: ${secondsSince(back)}`);
    });
});

test('the pool is scaled down while the operator is away', async (context) => {
    await incident('scaled down without an operator', async () => {
        await operatorLeaves();
        await scale(2);
        await calls.everybodyIsIn();
        assert.equal((await podsOf('bridge', { pool: POOL })).length, 3, 'no bridge goes before its people do');
        const back = Date.now();
        await operatorReturns();
        await follows(2);
        await figure(context, `the operator is back, to one bridge less, its people moved: ${secondsSince(back)}`);
    });
});

test('the operator goes in the midst of a drain', async (context) => {
    const all = await carrying(PEOPLE);
    const last = all.find((one) => one.name.endsWith('-1'));
    context.diagnostic(`on the bridge that is to go: ${last.participants}`);
    await incident('operator away in the midst of a drain', async () => {
        await scale(1);
        await until('a bridge drains', async () => {
            const pods = await list('pods', { namespace: NAMESPACE, selector: `shoal.video/pool=${POOL}` });
            return pods.some((pod) => pod.metadata.annotations?.['shoal.video/draining-since']);
        });
        await operatorLeaves();
        await calls.everybodyIsIn();
        await operatorReturns();
        await follows(1);
    });
});

/** Asks for the traffic of the bridges as an autoscaler does; gives what is wrong with the answer, or null. */
async function numbersAreMissing() {
    const { status, body } = await numbers(NAMESPACE, `shoal.video/pool=${POOL}`);
    if (status !== 200) return `${status} ${body.message ?? body}`;
    return body.items.length > 0 ? null : 'no bridge is in the answer';
}

/** Asks again and again while something is done; gives the longest time in milliseconds without a good answer. */
async function longestWithoutNumbers(context, act) {
    let good = Date.now();
    let longest = 0;
    const wrongs = new Set();
    const asking = repeatedly(async () => {
        const wrong = await numbersAreMissing();
        const now = Date.now();
        longest = Math.max(longest, now - good);
        if (wrong) wrongs.add(wrong.trim());
        else good = now;
    }, 50);
    try {
        await act();
        await until('there are numbers again', async () => !(await numbersAreMissing()));
    } finally {
        await asking.stop();
    }
    for (const wrong of wrongs) context.diagnostic(`meanwhile: ${wrong}`);
    return longest;
}

test('of two operators the one that leads is killed', async (context) => {
    await scaleOperator(2);
    await until('two operators run', async () => {
        const pods = await operators();
        return { ok: pods.length === 2 && pods.every(isReady), seen: pods.map((pod) => pod.status.phase) };
    });
    await until('there are numbers', async () => {
        const wrong = await numbersAreMissing();
        return { ok: !wrong, seen: wrong };
    });
    const leads = async () => (await read('leases', DEPLOYMENT, SYSTEM)).spec.holderIdentity;
    const leader = await leads();
    await incident('the leading one of two operators is killed', async () => {
        const longest = await longestWithoutNumbers(context, async () => {
            await kubectl(['--namespace', SYSTEM, 'delete', 'pod', leader, '--force', '--grace-period=0']);
            await until('another one leads', async () => {
                const now = await leads();
                return { ok: now && now !== leader, seen: now };
            }, { seconds: 60 });
        });
        await figure(context, `the leading one of two operators is killed: ${longest} ms without numbers for autoscalers at the longest`);
        // Autoscalers ask every 15 s, and take a metric for lost when they get none.
        assert.ok(longest < 5000, 'there are numbers all the time');
    });
});

test('nobody was interrupted', async (context) => {
    const report = await calls.stop();
    calls = null;
    const seen = incidents.map((one) => ({ ...one, ...impact(report, one) }));
    for (const one of seen) await tellImpact(context, one.name, one);
    assert.equal(seen.length, 4, 'everything happened');
    assert.equal(report.totals.joined, PEOPLE);
    for (const one of seen) assert.deepEqual(one.interrupted, [], `${one.name}: nobody is interrupted`);
    assert.equal(report.totals.cut, 0, 'nobody was cut');
});
