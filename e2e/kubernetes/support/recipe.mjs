// The usual recipe for bridges that follow the traffic: a plain StatefulSet and a HorizontalPodAutoscaler.

import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { apply, kubectl, list, read, remove } from './api.mjs';
import { repeatedly } from './repeatedly.mjs';
import { NAMESPACE, POOL } from './service.mjs';

/** It has a namespace of its own, which allows it the node's shell. */
const RECIPE = 'recipe';
const BRIDGE = 'bridge';
const PORT = 31200;

let services;

export const recipePods = async () => list('pods', { namespace: RECIPE, selector: 'app=recipe-bridge' });
export const recipeAutoscaler = () => read('horizontalpodautoscalers', BRIDGE, RECIPE);
/** How many bridges the autoscaler wants. */
export const recipeReplicas = async () => (await read('statefulsets', BRIDGE, RECIPE)).spec.replicas;

/** Installs it with one bridge of this image, which serves the shards of the examples' pool. */
export async function installRecipe(image) {
    await apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: RECIPE } }]);
    const { data } = await read('secrets', `${POOL}-shards`, NAMESPACE);
    const text = await readFile(new URL('../recipe/bridges.yaml', import.meta.url), 'utf8');
    const objects = parseAllDocuments(text.replace('IMAGE', image)).map((document) => document.toJS());
    objects.unshift({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shards' }, data });
    await apply(objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace: RECIPE } })));
    services = repeatedly(serve, 250);
}

/** Gives it an autoscaler as a pool's `spec.autoscaling` makes one. */
export const autoscaleRecipe = ({ minReplicas, maxReplicas, targetNetworkBytesPerSecond, behavior }) =>
    apply([
        {
            apiVersion: 'autoscaling/v2',
            kind: 'HorizontalPodAutoscaler',
            metadata: { name: BRIDGE, namespace: RECIPE },
            spec: {
                scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: BRIDGE },
                minReplicas,
                maxReplicas,
                metrics: [
                    {
                        type: 'Pods',
                        pods: {
                            metric: { name: 'bridge_network_bytes_per_second' },
                            target: { type: 'AverageValue', averageValue: `${targetNetworkBytesPerSecond}` },
                        },
                    },
                ],
                behavior,
            },
        },
    ]);

/** Gives each ordinal below `replicas` a Service and takes away the others', as the recipe's controller does. */
async function serve() {
    const [wanted, all] = await Promise.all([recipeReplicas(), list('services', { namespace: RECIPE, selector: 'app=service-per-pod' })]);
    const names = Array.from({ length: wanted }, (_, ordinal) => service(ordinal));
    const missing = names.filter((one) => !all.some((other) => other.metadata.name === one.metadata.name));
    if (missing.length > 0) await apply(missing);
    for (const { metadata } of all) {
        if (!names.some((one) => one.metadata.name === metadata.name)) await remove('services', metadata.name, RECIPE);
    }
}

const service = (ordinal) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${BRIDGE}-${ordinal}`, namespace: RECIPE, labels: { app: 'service-per-pod' } },
    spec: {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        selector: { 'statefulset.kubernetes.io/pod-name': `${BRIDGE}-${ordinal}` },
        ports: [{ name: 'media', protocol: 'UDP', port: PORT + ordinal, targetPort: PORT + ordinal, nodePort: PORT + ordinal }],
    },
});

/** Removes it, whoever is on it. */
export async function removeRecipe() {
    await services?.stop();
    if (!(await read('namespaces', RECIPE))) return;
    await remove('horizontalpodautoscalers', BRIDGE, RECIPE);
    await remove('statefulsets', BRIDGE, RECIPE);
    await kubectl(['--namespace', RECIPE, 'delete', 'pods', '--all', '--force', '--grace-period=0']);
    await kubectl(['delete', 'namespace', RECIPE, '--wait=true', '--timeout=90s']);
}
