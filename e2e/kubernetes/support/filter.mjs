// Packet filters in the networks of pods of the local cluster: what does not get through.

import { inNetworkOf } from './environment.mjs';

const TABLE = ['inet', 'shoal_test'];

const nft = (pod, ...args) => inNetworkOf(pod, ['nft', ...args]);

/** Drops packets that match `rule` (of nftables) where they enter (`input`) or leave (`output`) each of the pods. */
export async function drop(pods, hook, rule) {
    for (const pod of pods) {
        await nft(pod, 'add', 'table', ...TABLE);
        await nft(pod, 'add', 'chain', ...TABLE, 'filter', `{ type filter hook ${hook} priority 0; }`);
        await nft(pod, 'add', 'rule', ...TABLE, 'filter', `${rule} drop`);
    }
}

/** Everything gets through again. */
export async function dropNothing(pods) {
    for (const pod of pods) await nft(pod, 'delete', 'table', ...TABLE);
}
