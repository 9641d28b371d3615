// Two people meet in a room over XMPP on WebSocket, with @xmpp/client: a client that nobody of Shoal wrote.
//
//     node muc_websocket.mjs ws://HOST:PORT/xmpp-websocket DOMAIN [ROOM]
//
// Each logs in anonymously, asks the focus for the conference (where one is there), joins, and sees the other; a group
// message reaches both, an IQ passes from occupant to occupant, leaving is seen. Exit code 0: all of it happened.

import assert from 'node:assert/strict';
import { client, xml } from '@xmpp/client';
import { WebSocket } from 'ws';

// Node has one of its own from version 22 on.
globalThis.WebSocket ??= WebSocket;

const [service = 'ws://127.0.0.1:5280/xmpp-websocket', domain = 'meet.shoal', name = 'xmppjs'] = process.argv.slice(2);
const room = `${name}@muc.${domain}`;
const PATIENCE = 15_000;
const MUC = 'http://jabber.org/protocol/muc';
const FOCUS = 'http://jitsi.org/protocol/focus';

class Person {
    #xmpp;
    #stanzas = [];
    #waiting = [];
    #leaving = false;

    static async online() {
        const person = new Person();
        person.#xmpp = client({ service: `${service}?room=${name}`, domain });
        // While it leaves, what still comes in (the focus ends its session) may find the socket closing.
        person.#xmpp.on('error', (error) => person.#leaving || fail(error));
        person.#xmpp.on('stanza', (stanza) => {
            person.#stanzas.push(stanza);
            person.#waiting.splice(0).forEach((look) => look());
        });
        person.jid = await person.#xmpp.start();
        person.nick = person.jid.local.slice(0, 8);
        return person;
    }

    /** The first stanza not yet taken that matches. */
    async sees(what, matches) {
        const deadline = Date.now() + PATIENCE;
        for (;;) {
            const at = this.#stanzas.findIndex(matches);
            if (at >= 0) return this.#stanzas.splice(at, 1)[0];
            assert.ok(Date.now() < deadline, `${this.nick} does not see ${what}; there is ${this.#stanzas.join('\n')}`);
            await new Promise((resolve) => {
                this.#waiting.push(resolve);
                setTimeout(resolve, 200);
            });
        }
    }

    send(stanza) {
        return this.#xmpp.send(stanza);
    }

    ask(iq) {
        return this.#xmpp.iqCaller.request(iq, PATIENCE);
    }

    answerPings() {
        this.#xmpp.iqCallee.get('urn:xmpp:ping', 'ping', () => true);
    }

    async enter() {
        await this.send(xml('presence', { to: `${room}/${this.nick}` }, xml('x', { xmlns: MUC }), xml('SourceInfo', {}, '{}')));
        await this.sees('itself', (stanza) => stanza.is('presence') && codes(stanza).includes('110'));
    }

    leave() {
        this.#leaving = true;
        return this.#xmpp.stop();
    }
}

function codes(stanza) {
    const user = stanza.getChild('x', `${MUC}#user`);
    return user ? user.getChildren('status').map((status) => status.attrs.code) : [];
}

function fail(error) {
    console.error(error);
    process.exit(1);
}

/** The conference request: focus opens the room. False where no focus serves. */
async function askFocus(person) {
    try {
        const answer = await person.ask(xml('iq', { type: 'set', to: `focus.${domain}` }, xml('conference', { xmlns: FOCUS, room })));
        assert.equal(answer.getChild('conference', FOCUS).attrs.ready, 'true');
        return true;
    } catch (error) {
        if (error.condition === 'service-unavailable') return false;
        throw error;
    }
}

async function meet() {
    const [ada, bob] = [await Person.online(), await Person.online()];
    assert.match(ada.nick, /^[0-9a-f]{8}$/);
    const info = await ada.ask(xml('iq', { type: 'get', to: domain }, xml('query', { xmlns: 'http://jabber.org/protocol/disco#info' })));
    assert.ok(info.toString().includes('urn:xmpp:ping'));
    const focus = await askFocus(ada);
    await ada.enter();
    bob.answerPings();
    await bob.enter();
    const seen = await ada.sees('Bob', (stanza) => stanza.is('presence') && stanza.attrs.from === `${room}/${bob.nick}`);
    assert.equal(seen.getChildText('SourceInfo'), '{}');

    await bob.send(xml('message', { type: 'groupchat', to: room }, xml('body', {}, 'Hello, everybody')));
    for (const person of [ada, bob]) {
        const message = await person.sees('the message', (stanza) => stanza.getChildText('body') === 'Hello, everybody');
        assert.equal(message.attrs.from, `${room}/${bob.nick}`);
    }

    await ada.ask(xml('iq', { type: 'get', to: `${room}/${bob.nick}` }, xml('ping', { xmlns: 'urn:xmpp:ping' })));
    await assert.rejects(
        ada.ask(xml('iq', { type: 'get', to: `${room}/nobody` }, xml('ping', { xmlns: 'urn:xmpp:ping' }))),
        (error) => error.condition === 'item-not-found',
    );

    await bob.leave();
    await ada.sees('Bob leaving', (stanza) => stanza.attrs.type === 'unavailable' && stanza.attrs.from === `${room}/${bob.nick}`);
    await ada.leave();
    return { passed: true, focus };
}

meet().then((result) => {
    console.log(JSON.stringify(result));
    process.exit(0);
}, fail);
