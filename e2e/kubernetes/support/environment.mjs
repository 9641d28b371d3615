// The Kubernetes under test: the local one with its nodes, or another that KUBECONFIG names.

import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const ROOT = new URL('../../../', import.meta.url).pathname;
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');

/** The binary that plays participants here. */
export const SHOAL = join(TARGET, 'debug', 'shoal');
const XTASK = join(TARGET, 'debug', 'xtask');

/**
 * What the local cluster says of itself: `kubectl`, `auditLog` and `nodes` with `name`, `address` and `init`; null on
 * somebody else's.
 */
export const local = (() => {
    try {
        const status = JSON.parse(execFileSync(XTASK, ['cluster', 'status'], { stdio: ['ignore', 'pipe', 'ignore'] }));
        process.env.KUBECONFIG ??= status.kubeconfig;
        return process.env.KUBECONFIG === status.kubeconfig ? status : null;
    } catch {
        return null;
    }
})();

/** The kubectl that goes with it. */
export const KUBECTL = local?.kubectl ?? 'kubectl';
/** The Helm that goes with it, and its first arguments. */
export const HELM = local ? [XTASK, 'cluster', 'helm', '--'] : ['helm'];

/** Ends the test with a word on somebody else's cluster, where `what` cannot be had; tells whether it did. */
export function needsOwnNodes(context, what) {
    if (local) return false;
    context.skip(`${what}: only on the local cluster (cargo xtask cluster up)`);
    return true;
}

/** Runs a command in all namespaces of a node of the local cluster; gives its output. */
export async function onNode(name, command) {
    const number = name.replace(/^node/, '');
    const { stdout } = await run(XTASK, ['cluster', 'in', '--node', number, '--inside', '--', ...command], { maxBuffer: 1 << 26 });
    return stdout;
}

/** Gives an image that every node has a second name. */
export async function retag(from, to) {
    await run(XTASK, ['cluster', 'retag', from, to]);
}

/** kill -9 of every process of a pod's containers, as a fault of the machine would do it; gives how many there were. */
export const killPod = (pod) => signalPod(pod, 'KILL');

/** Sends a signal, such as `STOP`, to every process of a pod's containers; gives how many there were. */
export async function signalPod(pod, signal) {
    // The holder of the pod's namespaces stays, so that it is the programs that are tested.
    const script = `count=0
for process in /proc/[0-9]*; do
    grep -qs "$1" "$process/cgroup" || continue
    [ "$(cat "$process/comm" 2>/dev/null)" = pause ] && continue
    kill -"$2" "\${process#/proc/}" && count=$((count + 1))
done
echo "$count"`;
    return Number(await onNode(pod.spec.nodeName, ['/bin/sh', '-c', script, 'kill', cgroupOf(pod), signal]));
}

/** Runs a command of the node in the network of a pod; gives its output. */
export function inNetworkOf(pod, command) {
    const script = `for process in /proc/[0-9]*; do
    grep -qs "$1" "$process/cgroup" || continue
    shift
    exec nsenter --net="$process/ns/net" "$@"
done
exit 1`;
    return onNode(pod.spec.nodeName, ['/bin/sh', '-c', script, 'enter', cgroupOf(pod), ...command]);
}

/** A pattern for the control groups of a pod. */
function cgroupOf(pod) {
    const name = `pod${pod.metadata.uid}`;
    // The systemd driver of cgroups writes underscores.
    return `${name}\\|${name.replaceAll('-', '_')}`;
}
