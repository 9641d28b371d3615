// Three people meet at our page, the whole stack in one process.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Participant } from '../support/participant.mjs';
import { BLUE, GREEN, RED, YELLOW } from '../support/people.mjs';
import { startAll } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

const PASSWORD = 'fish-in-a-shoal';

let stack;
let room;
let rosa;
let grete;
let blanca;

before(async () => {
    stack = await startAll();
    room = `${stack.url}/MeetingOfThree`;
});

after(async () => {
    await Promise.all([rosa, grete, blanca].map((participant) => participant?.browser.close()));
    assert.equal(await stack?.stop(), 0, 'Ctrl-C ends the process cleanly');
});

const everybody = () => [rosa, grete, blanca];
const others = (one) => everybody().filter((other) => other !== one);

test('two people see and hear each other', async () => {
    rosa = await Participant.join(RED, room, { websocketUrl: `ws://localhost:${stack.link.port}/xmpp-websocket` });
    grete = await Participant.join(GREEN, room);
    await rosa.sees(GREEN);
    await grete.sees(RED);
    await rosa.tone(0.5);
    await grete.hears();
});

test('a third joins, and each sees the right picture in each tile', async () => {
    blanca = await Participant.join(BLUE, room);
    for (const one of everybody()) {
        for (const other of others(one)) await one.sees(other.person);
    }
    for (const one of everybody()) {
        await one.decodes(2);
        await one.picture(`meeting-${one.person.name.toLowerCase()}`);
    }
});

test('the dominant speaker follows the tone', async () => {
    for (const speaker of [grete, blanca, rosa]) {
        for (const one of everybody()) await one.tone(one === speaker ? 0.6 : 0);
        for (const one of others(speaker)) await one.seesDominant(speaker.person);
        for (const one of others(speaker)) await one.hears();
    }
});

test('mute reaches the others, in sign and in sound', async () => {
    await rosa.tool('Mute').click();
    for (const one of others(rosa)) await one.seesMuted(RED, true);
    for (const one of others(rosa)) await one.hearsNothing();
    await rosa.tool('Unmute').click();
    for (const one of others(rosa)) await one.seesMuted(RED, false);
    await grete.hears();
});

test('a panel leaves Mute and Leave in reach on narrow pages, and is as wide as its content', async () => {
    const page = blanca.page;
    await blanca.openChat();
    for (const width of [1280, 899, 360]) {
        await page.setViewportSize({ width, height: 640 });
        for (const name of ['Mute', 'Leave']) await blanca.tool(name).click({ trial: true, timeout: 5_000 });
        const [panel, list] = await page.evaluate(() =>
            ['.panel', '.messages'].map((selector) => document.querySelector(selector).clientWidth),
        );
        assert.equal(list, panel, `at ${width} pixels the list is as wide as the panel`);
        await blanca.picture(`meeting-chat-${width}`);
    }
    await page.setViewportSize({ width: 1000, height: 640 });
});

test('chat reaches everybody', async () => {
    const text = 'The herring is <b>fresh</b>';
    await grete.say(text);
    for (const one of everybody()) await one.reads(text);
});

test('a hand that is raised is seen', async () => {
    await blanca.tool('Raise hand').click();
    for (const one of others(blanca)) {
        await one.page.locator(`[data-name="${BLUE.name}"][data-hand="true"]`).first().waitFor();
    }
});

test('a fourth is refused without the password and let in with it', async () => {
    await rosa.setPassword(PASSWORD);
    const yara = await Participant.join(YELLOW, room);
    try {
        const prompt = yara.page.getByLabel('Password');
        await prompt.waitFor();
        await prompt.fill('wrong');
        await yara.page.keyboard.press('Enter');
        await yara.page.getByText('That is not the right password.').waitFor();
        await yara.picture('meeting-password');
        await prompt.fill(PASSWORD);
        await yara.page.keyboard.press('Enter');
        await yara.sees(RED);
        await rosa.sees(YELLOW);
        // As somebody who closes the tab.
        await yara.page.goto('about:blank');
        for (const one of everybody()) await one.losesSightOf(YELLOW, { seconds: 10 });
    } finally {
        await yara.browser.close();
    }
});

test('a socket cut for 20 s is resumed, and nothing is missed', async () => {
    stack.link.cut();
    const cut = Date.now();
    await rosa.page.getByText(/reconnecting/i).first().waitFor({ timeout: 15_000 });
    await rosa.picture('meeting-reconnecting');
    // The media does not go over the socket: it keeps flowing.
    await rosa.decodes(2);
    await until('20 s have passed', () => Date.now() - cut >= 20_000, { seconds: 25 });
    await grete.say('Said in the meantime');
    await blanca.reads('Said in the meantime');
    assert.equal(await rosa.page.getByText('Said in the meantime').count(), 0, 'the cut is a cut');
    stack.link.mend();
    await rosa.page.getByText(/reconnecting/i).first().waitFor({ state: 'hidden', timeout: 40_000 });
    await rosa.reads('Said in the meantime');
    await rosa.say('Back again');
    for (const one of others(rosa)) await one.reads('Back again');
    for (const one of everybody()) {
        await one.decodes(2);
        assert.equal(await one.page.getByText('Rosa left').count(), 0, 'nobody saw her go');
    }
});

test('one leaves, and the others see it', async () => {
    await blanca.tool('Leave').click();
    for (const one of [rosa, grete]) await one.losesSightOf(BLUE);
    await rosa.sees(GREEN);
});

test('no page has complained', async () => {
    // What the cut itself makes a browser say.
    const cut = [/WebSocket connection to .* failed/, /net::ERR_/];
    for (const one of everybody()) one.hasNoComplaints(cut);
});
