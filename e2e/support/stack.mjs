// Starts the parts of Shoal as a person would, and ends them.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARTIFACTS } from './artifacts.mjs';
import { Link } from './link.mjs';

const ROOT = new URL('../../', import.meta.url).pathname;
const BINARY = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug', 'shoal');

/** A TCP port that nobody uses. */
export async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

/** One process of Shoal. */
export class Part {
    #process;
    #ended;

    /** Starts `shoal NAME --config FILE` and waits until it says that it is ready. */
    static async start(label, subcommand, config) {
        const part = new Part();
        part.label = label;
        await mkdir(ARTIFACTS, { recursive: true });
        const log = createWriteStream(join(ARTIFACTS, `${label}.log`));
        part.#process = spawn(BINARY, [subcommand, '--config', config], {
            env: { ...process.env, RUST_LOG: process.env.RUST_LOG ?? 'info', RUST_BACKTRACE: '1' },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        part.#ended = new Promise((resolve) => part.#process.once('exit', (code, signal) => resolve({ code, signal })));
        part.#process.stderr.pipe(log);
        const ready = new Promise((resolve) => {
            let text = '';
            part.#process.stdout.on('data', (data) => {
                log.write(data);
                text += data;
                if (/ready/.test(text)) resolve();
            });
        });
        const early = part.#ended.then(({ code, signal }) => {
            throw new Error(`${label} ended at its start (code ${code}, signal ${signal}): see artifacts/${label}.log`);
        });
        await Promise.race([ready, early]);
        early.catch(() => {});
        return part;
    }

    /** The process id. */
    get pid() {
        return this.#process.pid;
    }

    /** Ends it at once, as a crash would. */
    async kill() {
        this.#process.kill('SIGKILL');
        await this.#ended;
    }

    /** Asks it to end (Ctrl-C) and waits; tells the exit code. */
    async stop() {
        this.#process.kill('SIGINT');
        return (await this.#ended).code;
    }
}

/** A folder for configuration and secrets of one test. */
export async function scratch() {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-e2e-'));
    return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The whole stack in one process; the browsers' signalling goes over `link`, which can be cut. */
export async function startAll({ extra = '' } = {}) {
    const { folder, remove } = await scratch();
    const [http, media, tcp] = [await freePort(), await freePort(), await freePort()];
    const link = await Link.open(http);
    const config = join(folder, 'shoal.toml');
    await writeFile(
        config,
        `[web]
listen = "127.0.0.1:${http}"
page = { websocketUrl = "ws://localhost:${link.port}/xmpp-websocket" }
[signalling]
listen = { tcp = "127.0.0.1:${tcp}" }
[bridge]
udp_port = ${media}
advertised_addresses = ["127.0.0.1"]
${extra}`,
    );
    const part = await Part.start('all', 'all', config);
    return {
        url: `http://localhost:${http}`,
        http,
        tcp,
        link,
        parts: { all: part },
        stop: async () => {
            await link.close();
            const code = await part.stop();
            await remove();
            return code;
        },
    };
}
