// A service for other machines: any address but loopback is served over HTTPS.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Participant } from '../support/participant.mjs';
import { GREEN, RED } from '../support/people.mjs';
import { startAll } from '../support/stack.mjs';

let stack;

before(async () => {
    stack = await startAll({ host: '0.0.0.0' });
});

after(async () => {
    assert.equal(await stack?.stop(), 0);
});

test('two people meet over HTTPS with the certificate that the first start made', async () => {
    assert.match(stack.url, /^https:/);
    const people = [];
    try {
        for (const person of [RED, GREEN]) people.push(await Participant.join(person, `${stack.url}/Secure`));
        await people[0].sees(GREEN);
        await people[1].sees(RED);
        assert.equal(await people[0].page.evaluate(() => window.isSecureContext), true);
        for (const one of people) one.hasNoComplaints();
    } finally {
        await Promise.all(people.map((one) => one.browser.close()));
    }
});
