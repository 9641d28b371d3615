// The Kubernetes API, and kubectl where a person would use it.

import { spawn } from 'node:child_process';
import { KUBECTL } from './environment.mjs';
import { until } from '../../support/wait.mjs';

const APIS = {
    pods: '/api/v1',
    services: '/api/v1',
    configmaps: '/api/v1',
    secrets: '/api/v1',
    events: '/api/v1',
    nodes: '/api/v1',
    namespaces: '/api/v1',
    persistentvolumeclaims: '/api/v1',
    deployments: '/apis/apps/v1',
    statefulsets: '/apis/apps/v1',
    poddisruptionbudgets: '/apis/policy/v1',
    networkpolicies: '/apis/networking.k8s.io/v1',
    ingresses: '/apis/networking.k8s.io/v1',
    leases: '/apis/coordination.k8s.io/v1',
    horizontalpodautoscalers: '/apis/autoscaling/v2',
    httproutes: '/apis/gateway.networking.k8s.io/v1',
    gateways: '/apis/gateway.networking.k8s.io/v1',
    jitsiclusters: '/apis/shoal.video/v1alpha1',
    jitsishards: '/apis/shoal.video/v1alpha1',
    bridgepools: '/apis/shoal.video/v1alpha1',
    customresourcedefinitions: '/apis/apiextensions.k8s.io/v1',
    apiservices: '/apis/apiregistration.k8s.io/v1',
};

/** The three resources of Shoal. */
export const SHOAL_KINDS = ['jitsiclusters', 'jitsishards', 'bridgepools'];

/** Everything that may carry the label of the operator. */
export const OWNED_KINDS = [
    'deployments',
    'statefulsets',
    'pods',
    'services',
    'configmaps',
    'secrets',
    'poddisruptionbudgets',
    'networkpolicies',
    'horizontalpodautoscalers',
    'ingresses',
];

let proxy;

/** kubectl's proxy knows every way of signing in, and keeps connections open. */
function base() {
    proxy ??= new Promise((resolve, reject) => {
        const child = spawn(KUBECTL, ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'pipe'] });
        process.once('exit', () => child.kill());
        let text = '';
        child.stdout.on('data', (data) => {
            text += data;
            const port = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
            if (!port) return;
            // It ends with the test, and does not keep the test from ending.
            for (const handle of [child, child.stdout, child.stderr]) handle.unref();
            resolve(`http://127.0.0.1:${port}`);
        });
        child.stderr.on('data', (data) => (text += data));
        child.once('exit', () => reject(new Error(`kubectl proxy ended: ${text}`)));
    });
    return proxy;
}

/** A request; gives `{ status, body }`, also of a refusal. */
export async function request(method, path, body, type = 'application/json') {
    const response = await fetch(`${await base()}${path}`, {
        method,
        headers: { 'content-type': type },
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text };
}

/** The path of a resource, of all namespaces when `namespace` is not given. */
export function path(resource, { name, namespace, query } = {}) {
    const place = namespace ? `/namespaces/${namespace}` : '';
    return `${APIS[resource]}${place}/${resource}${name ? `/${name}` : ''}${query ? `?${new URLSearchParams(query)}` : ''}`;
}

async function granted(method, where, body, type) {
    const { status, body: answer } = await request(method, where, body, type);
    if (status === 404) return null;
    if (status >= 300) throw new Error(`${method} ${where}: ${answer?.message ?? answer}`);
    return answer;
}

/** An object, or null when there is none. */
export const read = (resource, name, namespace) => granted('GET', path(resource, { name, namespace }));

/** All objects of a kind, also when the API server does not know the kind: then none. */
export async function list(resource, { namespace, selector } = {}) {
    const query = selector ? { labelSelector: selector } : undefined;
    return (await granted('GET', path(resource, { namespace, query })))?.items ?? [];
}

/** Changes fields of an object (JSON merge patch). */
export const patch = (resource, name, namespace, change) =>
    granted('PATCH', path(resource, { name, namespace }), change, 'application/merge-patch+json');

/** Asks for the end of an object; it may take its time. */
export const remove = (resource, name, namespace) => granted('DELETE', path(resource, { name, namespace }));

/** The condition of an object, by its type. */
export const condition = (object, type) => object?.status?.conditions?.find((one) => one.type === type);

/** Whether a condition holds for the spec as it is. */
export function holds(object, type) {
    const current = object?.status?.observedGeneration === object?.metadata.generation;
    return current && condition(object, type)?.status === 'True';
}

/** Waits until an object, read anew each time, satisfies `predicate`; null is an object that is gone. */
export async function untilObject(what, resource, name, namespace, predicate, { seconds = 120 } = {}) {
    let object;
    await until(
        what,
        async () => {
            object = await read(resource, name, namespace);
            return { ok: predicate(object), seen: object?.status ?? 'no such object' };
        },
        { seconds, every: 250 },
    );
    return object;
}

/** Runs kubectl; gives what it prints. `input` goes to its standard input, objects as JSON. */
export function kubectl(args, { input } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(KUBECTL, args, { stdio: ['pipe', 'pipe', 'pipe'] });
        const [out, errors] = [[], []];
        child.stdout.on('data', (data) => out.push(data));
        child.stderr.on('data', (data) => errors.push(data));
        child.once('error', reject);
        child.once('close', (code) => {
            const text = Buffer.concat(out).toString();
            if (code === 0) return resolve(text);
            reject(new Error(`kubectl ${args.join(' ')} ended with ${code}: ${Buffer.concat(errors)}${text}`));
        });
        child.stdin.end(input === undefined || typeof input === 'string' ? input : JSON.stringify(input));
    });
}

/** `kubectl apply` of objects. */
export const apply = (objects) => kubectl(['apply', '--filename=-'], { input: { apiVersion: 'v1', kind: 'List', items: objects } });
