// A meeting that was locked stays locked, and whose it was, when the parts that know of it are killed. Each time the first to
// come afterwards is a stranger; the others cannot come before.

import { after, before, test } from 'node:test';
import { Participant } from '../support/participant.mjs';
import { BLUE, GREEN, RED } from '../support/people.mjs';
import { startParts } from '../support/stack.mjs';

const PATIENCE = { timeout: 60_000 };

let stack;
let owner;
let guest;

before(async () => {
    stack = await startParts();
    const websocketUrl = `ws://localhost:${stack.link.port}/xmpp-websocket`;
    owner = await Participant.join(RED, room(), { websocketUrl });
    await owner.tool('Leave').waitFor(PATIENCE);
    guest = await Participant.join(GREEN, room(), { websocketUrl });
    await theyMeet();
    // The guest is in already, and is never told the password.
    await owner.setPassword('first');
});

after(async () => {
    await Promise.all([owner, guest].map((one) => one?.browser.close()));
    await stack?.stop();
});

const room = () => `${stack.url}/Locked`;

async function theyMeet() {
    await owner.sees(GREEN);
    await guest.sees(RED);
}

/** The owner and the guest are away while `happen` does; a stranger is there first, who does `first`. */
async function aStrangerIsFirst(happen, first) {
    const stranger = await Participant.open(BLUE, room());
    try {
        stack.link.cut();
        await happen();
        await stranger.enter();
        await first(stranger);
    } finally {
        stack.link.mend();
        await stranger.browser.close();
    }
}

const isAskedForThePassword = (stranger) => stranger.page.getByLabel('Password').waitFor(PATIENCE);

async function itIsTheirsAgain(password) {
    await theyMeet();
    // Only an owner can.
    await owner.setPassword(password);
    const stranger = await Participant.join(BLUE, room());
    try {
        const prompt = stranger.page.getByLabel('Password');
        await prompt.waitFor(PATIENCE);
        await prompt.fill(password);
        await stranger.page.keyboard.press('Enter');
        await stranger.sees(RED);
        // As somebody who closes the tab.
        await stranger.page.goto('about:blank');
    } finally {
        await stranger.browser.close();
    }
    await owner.losesSightOf(BLUE);
}

test('kill -9 of focus alone: a stranger needs the password, the owner is owner', async () => {
    const stranger = await Participant.open(BLUE, room());
    try {
        await stack.focus.kill();
        await stack.restartFocus();
        await stranger.enter();
        await isAskedForThePassword(stranger);
    } finally {
        await stranger.browser.close();
    }
    await itIsTheirsAgain('second');
});

test('kill -9 of signalling alone: a stranger who is first needs the password, the owner is owner', async () => {
    const killed = async () => {
        await stack.signalling.kill();
        await stack.restartSignalling();
    };
    await aStrangerIsFirst(killed, isAskedForThePassword);
    await itIsTheirsAgain('third');
});

test('kill -9 of both: a stranger who is first cannot keep the meeting', async () => {
    const killed = async () => {
        await Promise.all([stack.signalling.kill(), stack.focus.kill()]);
        await stack.restartSignalling();
        await stack.restartFocus();
    };
    await aStrangerIsFirst(killed, async (stranger) => {
        await stranger.setPassword('of the stranger');
        stack.link.mend();
        await stranger.page.getByText('You were removed from the meeting').waitFor(PATIENCE);
    });
    await itIsTheirsAgain('fourth');
});
