// Secrets are generated once, and made anew when somebody asks, without anybody noticing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../support/wait.mjs';
import { patch, read, remove, untilObject } from './support/api.mjs';
import { figure, secondsSince } from './support/figures.mjs';
import { LoadTest } from './support/loadtest.mjs';
import { allReady, doors, ensureService, frontDoor, NAMESPACE, podsOf, POOL, SHARD } from './support/service.mjs';

let calls;

before(ensureService);

after(async () => {
    await calls?.stop().catch(() => {});
});

const accounts = async () => (await read('secrets', `${SHARD}-accounts`, NAMESPACE)).data;

test('an annotation makes new passwords, and the calls go on', async (context) => {
    const { url } = await frontDoor();
    calls = await LoadTest.start('rotation', { url, connect: await doors(), rooms: 2, participants: 3 });
    await calls.everybodyIsIn();
    const before = await accounts();
    const start = Date.now();
    await patch('jitsishards', SHARD, NAMESPACE, { metadata: { annotations: { 'shoal.video/rotate': String(start) } } });
    await until('all passwords are new', async () => {
        const after = await accounts();
        return Object.keys(before).every((name) => after[name] && after[name] !== before[name]);
    });
    await figure(context, `passwords of a shard made anew in ${secondsSince(start)}`);
});

test('a bridge that starts anew logs in with the new password', async () => {
    const [pod] = await podsOf('bridge', { pool: POOL });
    await remove('pods', pod.metadata.name, NAMESPACE);
    await untilObject(
        'the bridge is another pod',
        'pods',
        pod.metadata.name,
        NAMESPACE,
        (one) => one !== null && one.metadata.uid !== pod.metadata.uid,
    );
    await allReady();
    await untilObject('the shard has all its bridges', 'jitsishards', SHARD, NAMESPACE, (one) => one.status.bridges === 2);
});

test('nobody was thrown out', async () => {
    await calls.everybodyIsIn();
    const { totals } = await calls.stop();
    calls = null;
    assert.deepEqual([totals.joined, totals.cut, totals.missing_media], [6, 0, 0]);
});
