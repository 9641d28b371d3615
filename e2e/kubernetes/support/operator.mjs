// The operator itself: its pods, and what its metrics say.

import { until } from '../../support/wait.mjs';
import { list } from './api.mjs';
import { isReady, SYSTEM } from './service.mjs';

export const DEPLOYMENT = 'shoal-operator';
/** As whom it speaks to the API server. */
export const USER = `system:serviceaccount:${SYSTEM}:${DEPLOYMENT}`;

/** Its pods. */
export const operators = () => list('pods', { namespace: SYSTEM, selector: 'app.kubernetes.io/component=operator' });

/** Waits until exactly one operator runs, none of `old` (names of pods). */
export async function newOperator(old = []) {
    let pods;
    await until(
        'a new operator runs',
        async () => {
            pods = await operators();
            const seen = pods.map((pod) => `${pod.metadata.name}: ${pod.status.phase}`);
            return { ok: pods.length === 1 && isReady(pods[0]) && !old.includes(pods[0].metadata.name), seen };
        },
        { seconds: 60, every: 250 },
    );
    return pods[0];
}

/** Samples of a metric of an operator's pod: `[{ labels, value }]`. */
export async function metric(pod, name) {
    const text = await (await fetch(`http://${pod.status.podIP}:8081/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.map((line) => {
        const labels = Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
        return { labels, value: Number(line.slice(line.lastIndexOf(' ') + 1)) };
    });
}
