// Starts the parts of Shoal as a person would, and ends them.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARTIFACTS } from './artifacts.mjs';
import { Link } from './link.mjs';

const ROOT = new URL('../../', import.meta.url).pathname;
/** The binary under test. */
export const BINARY = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug', 'shoal');

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

    /** Starts `shoal NAME --config FILE` and waits until it says that it is ready; with so many `descriptors`, if any. */
    static async start(label, subcommand, config, { descriptors } = {}) {
        const part = new Part();
        part.label = label;
        await mkdir(ARTIFACTS, { recursive: true });
        const log = createWriteStream(join(ARTIFACTS, `${label}.log`));
        const limited = descriptors ? ['prlimit', `--nofile=${descriptors}:${descriptors}`] : [];
        const [program, ...args] = [...limited, BINARY, subcommand, '--config', config];
        part.#process = spawn(program, args, {
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

    /** Asks it to end as a supervisor does (SIGTERM) and waits; tells the exit code. */
    async terminate() {
        if (!this.#process.kill('SIGTERM')) return null;
        return (await this.#ended).code;
    }

    /** Asks it to end (Ctrl-C) and waits; tells the exit code. */
    async stop() {
        if (!this.#process.kill('SIGINT')) return null;
        return (await this.#ended).code;
    }
}

/** A folder for configuration and secrets of one test. */
export async function scratch() {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-e2e-'));
    return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** An address of this machine, or of the test's network, that is not loopback; loopback where there is none. */
export function outwardAddress() {
    const all = Object.values(networkInterfaces()).flat();
    return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

/** The whole stack in one process, and a link to it that can be cut. Media is taken at `mediaAddress`. */
export async function startAll({ host = '127.0.0.1', web = '', extra = '', mediaAddress = '127.0.0.1', descriptors } = {}) {
    const { folder, remove } = await scratch();
    const [http, media, tcp] = [await freePort(), await freePort(), await freePort()];
    const link = await Link.open(http);
    const config = join(folder, 'shoal.toml');
    await writeFile(
        config,
        `[web]
listen = "${host}:${http}"
state = "${folder}"
connect_sources = ["ws://127.0.0.1:${link.port}", "ws://localhost:${link.port}"]
${web}
[signalling]
listen = { tcp = "127.0.0.1:${tcp}" }
[bridge]
udp_port = ${media}
advertised_addresses = ["${mediaAddress}"]
${extra}`,
    );
    const part = await Part.start('all', 'all', config, { descriptors });
    return {
        // Loopback is served in clear, any other address over TLS.
        url: host === '127.0.0.1' ? `http://localhost:${http}` : `https://localhost:${http}`,
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

/** Signalling, focus, bridges and web as processes of their own, and a link to the page's origin that can be cut. */
export async function startParts({ bridges = 1 } = {}) {
    const { folder, remove } = await scratch();
    const write = async (name, text) => {
        const path = join(folder, name);
        await writeFile(path, text, { mode: 0o600 });
        return path;
    };
    const ports = {};
    for (const name of ['web', 'http', 'tcp', 'focus']) ports[name] = await freePort();
    const focusPassword = await write('focus.password', randomBytes(16).toString('hex'));
    const bridgePassword = await write('jvb.password', randomBytes(16).toString('hex'));
    const memorySecret = await write('memory.secret', randomBytes(32).toString('hex'));

    const signallingConfig = await write(
        'signalling.toml',
        `[signalling]
listen = { http = "127.0.0.1:${ports.http}", tcp = "127.0.0.1:${ports.tcp}" }
trust_forwarded_for = true
rooms = { memory_secret_file = "${memorySecret}" }
accounts = [{ name = "focus", password_file = "${focusPassword}" }, { name = "jvb", password_file = "${bridgePassword}" }]
`,
    );
    const startSignalling = () => Part.start('signalling', 'signalling', signallingConfig);
    const signalling = await startSignalling();
    const focusConfig = await write(
        'focus.toml',
        `[focus_service]
address = "127.0.0.1:${ports.tcp}"
tls = "plain"
http = "127.0.0.1:${ports.focus}"
trust_forwarded_for = true
[focus]
password_file = "${focusPassword}"
`,
    );
    const startFocus = () => Part.start('focus', 'focus', focusConfig);
    const startBridge = async (index) => {
        const bridge = { udp: await freePort(), private: await freePort(), public: await freePort() };
        const path = await write(
            `bridge-${index}.toml`,
            `[bridge]
udp_port = ${bridge.udp}
advertised_addresses = ["127.0.0.1"]
private_http = "127.0.0.1:${bridge.private}"
public_http = "127.0.0.1:${bridge.public}"
websocket = { server_id = "bridge-${index}" }
shards = [{ name = "a", address = "127.0.0.1:${ports.tcp}", tls = "plain", password_file = "${bridgePassword}" }]
`,
        );
        return { ...bridge, part: await Part.start(`bridge-${index}`, 'bridge', path) };
    };
    const link = await Link.open(ports.web);
    const stack = { signalling, focus: await startFocus(), bridges: [], folder, link };
    for (let index = 0; index < bridges; index++) stack.bridges.push(await startBridge(index));
    const web = await Part.start(
        'web',
        'web',
        await write(
            'web.toml',
            `[web]
listen = "127.0.0.1:${ports.web}"
connect_sources = ["ws://localhost:${link.port}"]
signalling_url = "http://127.0.0.1:${ports.http}"
focus_url = "http://127.0.0.1:${ports.focus}"
`,
        ),
    );
    return Object.assign(stack, {
        url: `http://localhost:${ports.web}`,
        ports,
        restartSignalling: async () => (stack.signalling = await startSignalling()),
        restartFocus: async () => (stack.focus = await startFocus()),
        restartBridge: async (index) => (stack.bridges[index] = await startBridge(index)),
        /** Index of the bridge that has a conference. */
        busyBridge: async () => {
            const loads = await Promise.all(
                stack.bridges.map(async ({ private: port }) => {
                    const answer = await fetch(`http://127.0.0.1:${port}/colibri/stats`).catch(() => null);
                    return answer ? (await answer.json()).conferences : 0;
                }),
            );
            return loads.findIndex((conferences) => conferences > 0);
        },
        stop: async () => {
            await link.close();
            await Promise.all([web, stack.focus, ...stack.bridges.map(({ part }) => part), stack.signalling].map((part) => part.stop()));
            await remove();
        },
    });
}
