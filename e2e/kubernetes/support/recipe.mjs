// The usual recipe for bridges that follow the traffic: a plain StatefulSet, scaled as a HorizontalPodAutoscaler would.

import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { until } from '../../support/wait.mjs';
import { apply, kubectl, list, read, remove } from './api.mjs';
import { isReady, NAMESPACE, POOL } from './service.mjs';

/** It has a namespace of its own, which allows it the node's shell. */
const RECIPE = 'recipe';
const PORT = 31200;

export const recipePods = async () => list('pods', { namespace: RECIPE, selector: 'app=recipe-bridge' });

/** Installs it with one bridge of this image, which serves the shards of the examples' pool. */
export async function installRecipe(image) {
    await apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: RECIPE } }]);
    const { data } = await read('secrets', `${POOL}-shards`, NAMESPACE);
    const text = await readFile(new URL('../recipe/bridges.yaml', import.meta.url), 'utf8');
    const objects = parseAllDocuments(text.replace('IMAGE', image)).map((document) => document.toJS());
    objects.unshift({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shards' }, data });
    await apply([...objects, service(0)].map((object) => ({ ...object, metadata: { ...object.metadata, namespace: RECIPE } })));
    await recipeRuns(1);
}

const service = (ordinal) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `bridge-${ordinal}`, namespace: RECIPE },
    spec: {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        selector: { 'statefulset.kubernetes.io/pod-name': `bridge-${ordinal}` },
        ports: [{ name: 'media', protocol: 'UDP', port: PORT + ordinal, targetPort: PORT + ordinal, nodePort: PORT + ordinal }],
    },
});

/** Gives the StatefulSet another number, and each ordinal below it a Service, as the recipe's controller does. */
export async function scaleRecipe(from, to) {
    await kubectl(['--namespace', RECIPE, 'scale', 'statefulset', 'bridge', `--replicas=${to}`]);
    for (let ordinal = from; ordinal < to; ordinal += 1) await apply([service(ordinal)]);
    for (let ordinal = to; ordinal < from; ordinal += 1) await remove('services', `bridge-${ordinal}`, RECIPE);
}

/** Waits until so many of its bridges are ready. */
export async function recipeRuns(count) {
    await until(
        `${count} bridges of the recipe run`,
        async () => {
            const pods = await recipePods();
            return { ok: pods.filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp).length === count, seen: pods.map((pod) => pod.status.phase) };
        },
        { seconds: 90, every: 250 },
    );
}

/** Removes it, whoever is on it. */
export async function removeRecipe() {
    if (!(await read('namespaces', RECIPE))) return;
    await remove('statefulsets', 'bridge', RECIPE);
    await kubectl(['--namespace', RECIPE, 'delete', 'pods', '--all', '--force', '--grace-period=0']);
    await kubectl(['delete', 'namespace', RECIPE, '--wait=true', '--timeout=90s']);
}
