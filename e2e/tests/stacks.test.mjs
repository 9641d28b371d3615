// WebRTC stacks that nobody here wrote, and certificates that browsers do not make by themselves.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { RTCPeerConnection, RtpHeader, RtpPacket, useOPUS } from 'werift';
import { openPage } from '../support/browser.mjs';
import { Conference } from '../support/colibri.mjs';
import { Participant } from '../support/participant.mjs';
import { GREEN, RED } from '../support/people.mjs';
import { startParts } from '../support/stack.mjs';
import { until } from '../support/wait.mjs';

const GSTREAMER = new URL('../clients/gstreamer/peer.py', import.meta.url).pathname;
/** Exit code of that client where GStreamer is not installed. */
const ABSENT = 3;

let stack;

before(async () => {
    stack = await startParts();
});

after(() => stack?.stop());

/** A conference on the bridge, beside those of the focus. */
function conference(meeting) {
    return new Conference(stack.bridges[0].private, meeting);
}

/** Every connection of the page has one certificate, RSA of 2,048 bits. */
function withRsa() {
    const publicExponent = new Uint8Array([1, 0, 1]);
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent, hash: 'SHA-256' };
    const Connection = window.RTCPeerConnection;
    let certificate;
    window.rsa = Connection.generateCertificate(algorithm).then((made) => (certificate = made));
    window.RTCPeerConnection = class extends Connection {
        constructor(configuration) {
            super({ ...configuration, certificates: [certificate] });
        }
    };
}

test('a page whose certificate is RSA is seen, heard and listened to', async () => {
    const open = async (...values) => {
        const opened = await openPage(...values);
        await opened.page.addInitScript(withRsa);
        return opened;
    };
    const people = [];
    try {
        people.push(await Participant.open(RED, `${stack.url}/rsa`, { open }));
        const [rosa] = people;
        await rosa.page.evaluate(() => window.rsa.then(() => true));
        await rosa.enter();
        people.push(await Participant.join(GREEN, `${stack.url}/rsa`));
        const [, grete] = people;
        await Promise.all([rosa.sees(GREEN), grete.sees(RED)]);
        await rosa.tone(0.5);
        await grete.hears();
        await Promise.all([grete.seesDominant(RED), rosa.seesDominant(RED)]);
        await rosa.tone(0);
        await grete.tone(0.5);
        await rosa.hears();
        const rows = await rosa.page.evaluate(() => window.instruments.stats());
        const transport = rows.find((row) => row.type === 'transport');
        const own = rows.find((row) => row.id === transport.localCertificateId);
        const key = new X509Certificate(Buffer.from(own.base64Certificate, 'base64')).publicKey;
        assert.equal(key.asymmetricKeyType, 'rsa');
    } finally {
        await Promise.all(people.map((one) => one.browser.close()));
    }
});

/** In a page: answers an offer, and keeps what comes over a bridge channel of the page's own. */
async function answerOffer(sdp) {
    const connection = new RTCPeerConnection();
    const channel = connection.createDataChannel('bridge', { protocol: 'http://jitsi.org/protocols/colibri' });
    const texts = [];
    channel.onmessage = ({ data }) => texts.push(data);
    window.peers = [...(window.peers ?? []), { channel, texts }];
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== 'complete') await new Promise((resolve) => (connection.onicegatheringstatechange = resolve));
    return connection.localDescription.sdp;
}

test('a message as long as clients signal reaches a browser, which its sender’s name makes longer', async () => {
    const meeting = conference('long');
    const { browser, page } = await openPage(RED);
    try {
        await page.goto(stack.url);
        for (const id of ['a', 'b']) {
            const answer = await page.evaluate(answerOffer, await meeting.invite(id, 1));
            await meeting.accept(id, answer);
        }
        const seen = () => page.evaluate(() => window.peers.map(({ texts }) => texts.map((text) => text.length)));
        await until('the bridge greets both', async () => (await seen()).every((texts) => texts.length > 0));
        const sent = await page.evaluate(() => {
            const around = (payload) => JSON.stringify({ colibriClass: 'EndpointMessage', to: '', msgPayload: payload });
            const text = around('x'.repeat(262_144 - around('').length));
            window.peers[0].channel.send(text);
            return text.length;
        });
        assert.equal(sent, 262_144);
        await until('it is there', async () => {
            const [, lengths] = await seen();
            return { ok: lengths.some((length) => length > sent), seen: lengths };
        });
    } finally {
        await browser.close();
    }
});

/** A werift peer, and what it got. */
class Werift {
    texts = [];
    packets = 0;

    constructor() {
        // The test's network has only loopback, which the library leaves out.
        this.connection = new RTCPeerConnection({
            iceServers: [],
            iceUseIpv6: false,
            iceAdditionalHostAddresses: ['127.0.0.1'],
            codecs: { audio: [useOPUS({ payloadType: 111 })] },
        });
        this.channel = this.connection.createDataChannel('bridge', { protocol: 'http://jitsi.org/protocols/colibri' });
        this.channel.onMessage.subscribe((data) => this.texts.push(JSON.parse(data.toString())));
        this.audio = this.connection.addTransceiver('audio', { direction: 'sendrecv' });
        this.connection.onTrack.subscribe((track) => track.onReceiveRtp.subscribe(() => this.packets++));
    }

    async answer(sdp) {
        await this.connection.setRemoteDescription({ type: 'offer', sdp });
        await this.connection.setLocalDescription(await this.connection.createAnswer());
        return this.connection.localDescription.sdp;
    }

    has(colibriClass) {
        return this.texts.filter((text) => text.colibriClass === colibriClass);
    }

    say(message) {
        this.channel.send(JSON.stringify(message));
    }

    /** Speaks until told to stop: an Opus packet each 20 ms, of silence. */
    speak() {
        let number = 0;
        const timer = setInterval(() => {
            number += 1;
            const header = new RtpHeader({ payloadType: 111, sequenceNumber: number, timestamp: number * 960, ssrc: this.audio.sender.ssrc });
            this.audio.sender.sendRtp(new RtpPacket(header, Buffer.from([0xf8, 0xff, 0xfe])));
        }, 20);
        return () => clearInterval(timer);
    }
}

test('werift, which waits for the association to begin, has media and a bridge channel both ways', async () => {
    const meeting = conference('werift');
    const peers = { a: new Werift(), b: new Werift() };
    const quiet = [];
    try {
        const { a, b } = peers;
        for (const [id, peer, other] of [['a', a, b], ['b', b, a]]) {
            const answer = await peer.answer(await meeting.invite(id, other.audio.sender.ssrc));
            await meeting.accept(id, answer, peer.audio.sender.ssrc);
        }
        for (const peer of [a, b]) {
            await until('the bridge greets', () => ({ ok: peer.has('ServerHello').length === 1, seen: peer.connection.connectionState }));
            assert.equal(peer.connection.sctpTransport.isServer, true, 'werift waits to be begun with');
        }
        for (const [id, peer] of Object.entries(peers)) peer.say({ colibriClass: 'EndpointMessage', to: '', msgPayload: { of: id } });
        for (const [peer, other] of [[a, 'b'], [b, 'a']]) {
            await until('each reads what the other writes', () => ({ ok: peer.has('EndpointMessage').length === 1, seen: peer.texts }));
            const [{ from, msgPayload }] = peer.has('EndpointMessage');
            assert.deepEqual({ from, msgPayload }, { from: other, msgPayload: { of: other } });
        }
        quiet.push(a.speak(), b.speak());
        for (const peer of [a, b]) await until('each hears the other', () => ({ ok: peer.packets > 50, seen: peer.packets }));
    } finally {
        for (const stop of quiet) stop();
        await Promise.all(Object.values(peers).map((peer) => peer.connection.close()));
    }
});

/** A GStreamer peer. */
class GStreamer {
    last = {};
    words = '';

    constructor(...args) {
        this.process = spawn('/usr/bin/python3', [GSTREAMER, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
        this.ended = new Promise((resolve) => this.process.once('exit', resolve));
        let text = '';
        this.process.stdout.on('data', (data) => {
            text += data;
            const lines = text.split('\n');
            text = lines.pop();
            for (const line of lines) {
                if (line.startsWith('{')) this.last = { ...this.last, ...JSON.parse(line) };
                else this.words += `${line}\n`;
            }
        });
        this.process.stderr.on('data', (data) => (this.words += data));
    }

    async answer(offer) {
        this.process.stdin.write(`${JSON.stringify(offer)}\n`);
        await until('GStreamer answers', () => ({ ok: this.last.answer, seen: this.words }));
        return this.last.answer;
    }

    async stop() {
        this.process.stdin.end();
        await this.ended;
    }
}

test('GStreamer, whose certificates are RSA, is heard by another, as DTLS client and as server', async (context) => {
    const ssrc = 123456;
    const [speaker, listener] = [new GStreamer('--ssrc', String(ssrc)), new GStreamer()];
    try {
        const started = (peer) => until('GStreamer starts', () => peer.last.state ?? peer.process.exitCode, { every: 50 });
        await Promise.all([started(speaker), started(listener)]);
        if (speaker.process.exitCode === ABSENT) return context.skip(speaker.words.trim());
        const meeting = conference('gstreamer');
        for (const [id, peer, setup, sends] of [['speaker', speaker, 'actpass', ssrc], ['listener', listener, 'active', undefined]]) {
            const answer = await peer.answer(await meeting.invite(id, ssrc, { setup }));
            assert.match(answer, setup === 'active' ? /^a=setup:passive/m : /^a=setup:active/m);
            await meeting.accept(id, answer, sends);
        }
        await until('it is heard', () => ({ ok: listener.last.packets > 50, seen: [speaker, listener].map(({ last, words }) => ({ ...last, answer: '', words })) }));
    } finally {
        await Promise.all([speaker.stop(), listener.stop()]);
    }
});
