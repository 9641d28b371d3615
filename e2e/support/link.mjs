// A TCP link that the test can cut, as a tunnel or a lift does.

import { connect, createServer } from 'node:net';

export class Link {
    #server;
    #sockets = new Set();
    #whole = true;

    /** Opens a port that leads to `target` on loopback. */
    static async open(target) {
        const link = new Link();
        link.#server = createServer((near) => {
            if (!link.#whole) return near.destroy();
            const far = connect(target, '127.0.0.1');
            for (const [from, to] of [
                [near, far],
                [far, near],
            ]) {
                link.#sockets.add(from);
                from.pipe(to);
                from.on('error', () => to.destroy());
                from.on('close', () => {
                    link.#sockets.delete(from);
                    to.destroy();
                });
            }
        });
        link.#server.listen(0, '127.0.0.1');
        await new Promise((resolve) => link.#server.once('listening', resolve));
        link.port = link.#server.address().port;
        return link;
    }

    /** Breaks every connection and refuses new ones. */
    cut() {
        this.#whole = false;
        for (const socket of this.#sockets) socket.destroy();
    }

    /** Lets connections through again. */
    mend() {
        this.#whole = true;
    }

    /** Ends it for good. */
    async close() {
        this.cut();
        await new Promise((resolve) => this.#server.close(resolve));
    }
}
