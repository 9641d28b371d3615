// The bridges of a pool and who is on them, as each says itself.

import { until } from '../../support/wait.mjs';
import { podsOf, POOL } from './service.mjs';

/** What a bridge says of itself; null when it does not answer. */
export async function statistics(pod) {
    const answer = await fetch(`http://${pod.status.podIP}:8080/colibri/stats`, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    return answer?.ok ? answer.json() : null;
}

/** The bridges of the examples' pool with their participants, the fullest first. */
export async function bridges() {
    const pods = await podsOf('bridge', { pool: POOL });
    const all = await Promise.all(pods.map(async (pod) => ({ pod, name: pod.metadata.name, participants: (await statistics(pod))?.participants ?? 0 })));
    return all.sort((a, b) => b.participants - a.participants);
}

/** Waits until the bridges carry `participants` together; gives them, the fullest first. */
export async function carrying(participants) {
    let all;
    await until(`the bridges carry ${participants} participants`, async () => {
        all = await bridges();
        const seen = all.map((one) => `${one.name}: ${one.participants}`);
        return { ok: all.reduce((sum, one) => sum + one.participants, 0) === participants, seen };
    });
    return all;
}
