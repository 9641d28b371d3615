// What autoscaling takes to be followed within a test: quick behaviour, the traffic of bridges, and what autoscalers see of it.

import { until } from '../../support/wait.mjs';
import { condition, request } from './api.mjs';
import { statistics } from './bridges.mjs';

/** What a bridge is to carry at most, in parts of what the first wave needs. */
export const ROOM = 1.15;

const rules = (periodSeconds, stabilizationWindowSeconds) => ({
    stabilizationWindowSeconds,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 1, periodSeconds }],
});

/** A HorizontalPodAutoscaler's `behavior`: one bridge more at once, or one less when that held for ten seconds. */
export const QUICK = { scaleUp: rules(5, 0), scaleDown: rules(5, 10) };

/** Bytes per second that the bridges of `pods` carry, once that does not rise any more: senders begin slowly. */
export async function traffic(pods) {
    let before = 0;
    let now = 0;
    await until(
        'traffic is steady',
        async () => {
            const all = (await Promise.all((await pods()).map(statistics))).filter(Boolean);
            const kilobits = all.reduce((sum, one) => sum + one.bit_rate_download + one.bit_rate_upload, 0);
            [before, now] = [now, (kilobits * 1000) / 8];
            return { ok: before > 0 && now > 0 && Math.abs(now - before) < before * 0.08, seen: [before, now] };
        },
        { every: 5000, seconds: 60 },
    );
    return Math.round((before + now) / 2);
}

/** Asks the API server for the traffic of pods as an autoscaler does; gives `{ status, body }`. */
export function numbers(namespace, selector = '') {
    const query = new URLSearchParams({ labelSelector: selector });
    const of = `namespaces/${namespace}/pods/*/bridge_network_bytes_per_second`;
    return request('GET', `/apis/custom.metrics.k8s.io/v1beta2/${of}?${query}`);
}

/** Waits until the autoscaler that `autoscaler` reads can compute a number. */
export const seesNumbers = (autoscaler) =>
    until('the autoscaler sees numbers', async () => {
        const one = await autoscaler();
        return { ok: condition(one, 'ScalingActive')?.status === 'True', seen: one?.status };
    }, { seconds: 60 });
