// Ports of pods, reached through the API server where pods have no address from here.

import { spawn } from 'node:child_process';
import { KUBECTL } from './environment.mjs';

/** A port on loopback that leads to a port of a pod until the test ends: `ADDRESS:PORT`. */
export function forward(pod, port) {
    return new Promise((resolve, reject) => {
        const { namespace, name } = pod.metadata;
        const child = spawn(KUBECTL, ['--namespace', namespace, 'port-forward', `pod/${name}`, `:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
        process.once('exit', () => child.kill());
        let text = '';
        child.stdout.on('data', (data) => {
            text += data;
            const address = /127\.0\.0\.1:\d+/.exec(text)?.[0];
            if (!address) return;
            // It ends with the test, and does not keep the test from ending.
            for (const handle of [child, child.stdout, child.stderr]) handle.unref();
            resolve(address);
        });
        child.stderr.on('data', (data) => (text += data));
        child.once('exit', () => reject(new Error(`kubectl port-forward to ${name} ended: ${text}`)));
    });
}
