// Serves a few files, as an application built on a foreign client would.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const TYPES = { html: 'text/html', js: 'text/javascript' };

/** Serves `files` (path → file URL) on a free loopback port. */
export async function serveFiles(files) {
    const server = createServer(async (request, response) => {
        const path = new URL(request.url, 'http://localhost').pathname;
        const file = files[path];
        if (!file) return response.writeHead(404).end();
        response.writeHead(200, { 'content-type': TYPES[file.pathname.split('.').pop()] });
        response.end(await readFile(file));
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return {
        url: `http://localhost:${server.address().port}`,
        close: () => new Promise((resolve) => server.close(resolve)),
    };
}
