// DTLS handshakes that begin and never end. Each needs an endpoint of its own, as a guest has who walks in and out again; the
// endpoints come from the bridge's private interface (Colibri2 in JSON), so that the bridge is what is tried and not the focus.

import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Endpoints of one conference, which come and go together. */
const TOGETHER = 20;
/** Times that each says its hello, as a client does that hears nothing. */
const HELLOS = 3;
/** Between two of them, in milliseconds. */
const BETWEEN = 150;
/** How long a conference lasts after its last handshake has begun, in milliseconds. */
const STAY = 500;
/** Conferences that are there at a time; a machine that is too slow for the rate has a lower one, and no more of them. */
const MOST = 30;

const u16 = (value) => [value >> 8, value & 0xff];
const vector16 = (bytes) => [...u16(bytes.length), ...bytes];

/** A ClientHello of DTLS 1.2 (RFC 6347) with what WebRTC needs, in a record of this number. */
function clientHello(random, sequence) {
    const extension = (type, bytes) => [...u16(type), ...vector16(bytes)];
    const extensions = [
        ...extension(10, vector16([...u16(29), ...u16(23)])),
        ...extension(11, [1, 0]),
        ...extension(13, vector16(u16(0x0403))),
        ...extension(14, [...vector16(u16(7)), 0]),
        ...extension(23, []),
        ...extension(0xff01, [0]),
    ];
    const body = [0xfe, 0xfd, ...random, 0, 0, ...vector16(u16(0xc02b)), 1, 0, ...vector16(extensions)];
    const length = [0, ...u16(body.length)];
    const message = [1, ...length, 0, 0, 0, 0, 0, ...length, ...body];
    return Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, ...u16(sequence), ...vector16(message)]);
}

/** A connectivity check (RFC 8445 §7.2.2) of the controlled side. */
function check({ ufrag, pwd }, own) {
    const attribute = (type, bytes) => {
        const padding = new Array((4 - (bytes.length % 4)) % 4).fill(0);
        return Buffer.from([...u16(type), ...vector16([...bytes]), ...padding]);
    };
    const attributes = [
        attribute(0x0006, Buffer.from(`${ufrag}:${own}`)),
        attribute(0x0024, Buffer.from([0x6e, 0, 0x1e, 0xff])),
        attribute(0x8029, randomBytes(8)),
    ];
    const header = Buffer.concat([Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), randomBytes(12)]);
    const soFar = Buffer.concat([header, ...attributes]);
    // The length counts the attribute that is computed over it (RFC 8489 §14.5).
    soFar.writeUInt16BE(soFar.length - 20 + 24, 2);
    return Buffer.concat([soFar, attribute(0x0008, createHmac('sha1', pwd).update(soFar).digest())]);
}

/** A private listener has few places. */
const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/** An order to the bridge. */
async function order(bridge, method, path, body) {
    const headers = { 'content-type': 'application/json' };
    const asking = request(`${bridge}/colibri/v2/conferences${path}`, { method, headers, agent });
    asking.end(JSON.stringify(body));
    const [answer] = await once(asking, 'response');
    const told = await text(answer);
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${told}`);
    return JSON.parse(told);
}

/** One endpoint's handshake from a socket of its own; whether the bridge answered with its part of it. */
async function begin(local, { ufrag, pwd, candidates }) {
    const { ip, port } = candidates.find((candidate) => !candidate.ip.includes(':'));
    const socket = createSocket('udp4');
    let answered = false;
    socket.on('message', (message) => {
        answered ||= message[0] === 22;
    });
    await new Promise((resolve) => socket.bind(0, local, resolve));
    const send = (datagram) => socket.send(datagram, port, ip);
    send(check({ ufrag, pwd }, 'flood'));
    const random = randomBytes(32);
    for (let sequence = 0; sequence < HELLOS; sequence += 1) {
        await sleep(BETWEEN);
        send(clientHello(random, sequence));
    }
    return () => {
        socket.close();
        return answered;
    };
}

/** A conference of strangers that begin handshakes and are gone half a second after the last has; how many were answered. */
async function conference(bridge, meeting, address) {
    const medias = [{ type: 'audio', 'payload-types': [{ id: 111, name: 'opus', clockrate: 48000, channels: 2 }] }];
    const fingerprint = Array.from(randomBytes(32), (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
    const transport = {
        'ice-controlling': true,
        transport: {
            ufrag: 'flood',
            pwd: 'floodfloodfloodfloodflood',
            'rtcp-mux': true,
            fingerprints: [{ fingerprint, hash: 'sha-256', setup: 'active' }],
        },
    };
    const begun = [];
    for (let number = 0; number < TOGETHER; number += 1) {
        const endpoints = [{ id: `e${number}`, create: true, medias, transport, capabilities: ['source-names'] }];
        const made =
            number === 0
                ? await order(bridge, 'POST', '', { 'meeting-id': meeting, create: true, endpoints })
                : await order(bridge, 'PATCH', `/${meeting}`, { endpoints });
        begun.push(begin(address, made.endpoints[0].transport.transport));
    }
    const ends = await Promise.all(begun);
    await sleep(STAY);
    await order(bridge, 'PATCH', `/${meeting}`, { expire: true });
    return ends.filter((end) => end()).length;
}

/**
 * Begins `count` handshakes at the bridge whose private interface is at `bridge`, so many in a second, from addresses of
 * 127.`net`; tells how many of them the bridge has answered, and how long it took.
 */
export async function flood({ bridge, count, perSecond, net }) {
    const running = new Set();
    let [answered, failure] = [0, null];
    const start = Date.now();
    for (let number = 0; number * TOGETHER < count && !failure; number += 1) {
        await sleep(Math.max(0, start + (number * TOGETHER * 1_000) / perSecond - Date.now()));
        while (running.size >= MOST) await Promise.race(running);
        const one = conference(bridge, `flood-${number}`, `127.${net}.0.${1 + (number % 20)}`)
            .then((some) => (answered += some))
            .catch((error) => (failure ??= error))
            .finally(() => running.delete(one));
        running.add(one);
    }
    await Promise.all(running);
    if (failure) throw failure;
    return { answered, seconds: (Date.now() - start) / 1_000 };
}
