// Connections of people who want nothing good, from addresses of their own: all of 127.0.0.0/8 is this machine.

import { connect } from 'node:net';

/** Connections that are opened at a time. */
const AT_ONCE = 200;

/** Many connections of one kind. */
export class Strangers {
    #sockets = [];
    #ended = [];

    /**
     * Opens `count` connections to `port` from `addresses` addresses that begin with 127.`net`, each of which says what
     * `speak(index)` returns and nothing more.
     */
    static async flood({ port, count, net, addresses, speak = () => '' }) {
        const strangers = new Strangers();
        for (let begin = 0; begin < count; begin += AT_ONCE) {
            const some = Array.from({ length: Math.min(AT_ONCE, count - begin) }, (_, index) => begin + index);
            await Promise.all(some.map((index) => strangers.#open(port, `127.${net}.0.${1 + (index % addresses)}`, speak(index))));
        }
        return strangers;
    }

    async #open(port, localAddress, words) {
        const socket = connect({ port, host: '127.0.0.1', localAddress });
        const since = Date.now();
        this.#sockets.push(socket);
        // What is answered does not matter, but must be read, or the end is not seen.
        socket.resume();
        this.#ended.push(new Promise((resolve) => socket.once('close', () => resolve(Date.now() - since))));
        const connected = new Promise((resolve) => {
            socket.once('connect', () => {
                if (words.length > 0) socket.write(words);
                resolve();
            });
            socket.once('error', resolve);
        });
        await connected;
    }

    /** How many are connected. */
    get open() {
        return this.#sockets.filter((socket) => !socket.destroyed).length;
    }

    /** Waits until the other side has closed all of them; the longest time that one was open, in milliseconds. */
    async closed() {
        return Math.max(...(await Promise.all(this.#ended)));
    }

    /** Ends them. */
    destroy() {
        for (const socket of this.#sockets) socket.destroy();
    }
}

/** Half of a WebSocket message of `length` bytes, after the request for the upgrade. */
export function halfFrame(length) {
    const upgrade = [
        'GET /xmpp-websocket HTTP/1.1',
        'Host: localhost',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: xmpp',
        '',
        '',
    ].join('\r\n');
    const header = Buffer.alloc(14);
    header[0] = 0x81;
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
    return Buffer.concat([Buffer.from(upgrade), header, Buffer.alloc(length / 2, 0x20)]);
}

/** A request whose body of `length` bytes is half there. */
export function halfBody(path, length) {
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: ${length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.alloc(length / 2, 0x20)]);
}
