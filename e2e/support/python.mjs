// Python clients, each folder with its pinned requirements in an environment of its own.

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from './people.mjs';

const run = promisify(execFile);

const CLIENTS = new URL('../clients/', import.meta.url);

/** What each client needs. */
export const REQUIREMENTS = {
    aiortc: new URL('aiortc/requirements.txt', CLIENTS).pathname,
    slixmpp: new URL('slixmpp/requirements.txt', CLIENTS).pathname,
};

/** The Python that has what `requirements` (a file) names; made when absent. */
export async function python(requirements) {
    const text = await readFile(requirements);
    const name = createHash('sha256').update(text).digest('hex').slice(0, 12);
    const folder = join(CACHE, `python-${name}`);
    const ready = join(folder, 'ready');
    if (!existsSync(ready)) {
        await run('python3', ['-m', 'venv', '--clear', folder]);
        await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
        await writeFile(ready, '');
    }
    return join(folder, 'bin', 'python');
}

/** A running client that prints a JSON object per line. */
export class Client {
    #process;
    last = null;
    errors = '';

    /** Starts `command` with `args`. */
    constructor(command, args) {
        this.#process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
        let text = '';
        this.#process.stdout.on('data', (data) => {
            text += data;
            const lines = text.split('\n');
            text = lines.pop();
            for (const line of lines) {
                try {
                    this.last = JSON.parse(line);
                } catch {
                    this.errors += `${line}\n`;
                }
            }
        });
        this.#process.stderr.on('data', (data) => (this.errors += data));
        this.ended = new Promise((resolve) => this.#process.once('exit', (code) => resolve(code)));
    }

    /** Ends it. */
    async stop() {
        this.#process.kill('SIGTERM');
        await this.ended;
    }
}
