// prometheus-adapter, the common server of `custom.metrics.k8s.io`: it runs beside the test, and the API server finds it by a
// Service as it would find a pod of it.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ARTIFACTS } from '../../support/artifacts.mjs';
import { freePort } from '../../support/stack.mjs';
import { apply, kubectl, read, remove, untilObject, condition } from './api.mjs';
import { local } from './environment.mjs';
import { CHART, helm, RELEASE } from './helm.mjs';
import { SYSTEM } from './service.mjs';

const NAME = 'prometheus-adapter';
const VERSIONS = ['v1beta1', 'v1beta2'];
/** The window of the chart's rules, and what it is in a test. */
const [WINDOW, SHORTENED] = ['[2m]', '[10s]'];

/** Gives `custom.metrics.k8s.io` to another program, or back to the operator, by the chart's value. */
export const setMetricsApi = (whose) =>
    helm('upgrade', RELEASE, CHART, '--reuse-values', `--set=metricsApi=${whose}`, '--wait', '--timeout=120s');

/** Its rules as the chart gives them to people, over a shorter time. */
async function rules() {
    const { data } = await read('configmaps', `${RELEASE}-operator-${NAME}`, SYSTEM);
    const { custom } = parse(data['values.yaml'].replaceAll(WINDOW, SHORTENED)).rules;
    return stringify({ rules: custom });
}

const labels = { app: NAME };
const objects = (port) => [
    {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: NAME, namespace: SYSTEM, labels },
        spec: { ports: [{ name: 'https', port: 443, targetPort: port }] },
    },
    {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: NAME, namespace: SYSTEM, labels: { ...labels, 'kubernetes.io/service-name': NAME } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [local.nodes[0].address], conditions: { ready: true } }],
        ports: [{ name: 'https', port, protocol: 'TCP' }],
    },
    ...VERSIONS.map((version, index) => ({
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `${version}.custom.metrics.k8s.io`, labels },
        spec: {
            group: 'custom.metrics.k8s.io',
            version,
            groupPriorityMinimum: 100,
            versionPriority: 100 * (index + 1),
            // It makes its own certificate, as its chart has it by default.
            insecureSkipTLSVerify: true,
            service: { name: NAME, namespace: SYSTEM, port: 443 },
        },
    })),
];

export class PrometheusAdapter {
    #process;
    #folder;
    #ended;

    /** Has it serve the chart's two metrics from a Prometheus. The chart must leave the API to it. */
    static async start(prometheus) {
        const program = process.env.SHOAL_PROMETHEUS_ADAPTER;
        if (!program) throw new Error('SHOAL_PROMETHEUS_ADAPTER names no program: `cargo xtask test --only k8s-recipe` builds and names it');
        const one = new PrometheusAdapter();
        one.#folder = await mkdtemp(join(tmpdir(), 'shoal-prometheus-adapter-'));
        const config = join(one.#folder, 'config.yaml');
        await writeFile(config, await rules());
        const port = await freePort();
        const as = ['lister', 'authentication', 'authorization'].map((role) => `--${role}-kubeconfig=${process.env.KUBECONFIG}`);
        const source = [`--prometheus-url=${prometheus.url}`, `--config=${config}`, '--metrics-relist-interval=5s', '--metrics-max-age=1m'];
        const args = [`--secure-port=${port}`, `--cert-dir=${one.#folder}`, ...as, ...source, '--v=2'];
        one.#process = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
        one.#process.stderr.pipe(createWriteStream(join(ARTIFACTS, 'kubernetes', 'prometheus-adapter.log')));
        one.#ended = new Promise((resolve) => one.#process.once('exit', resolve));
        process.once('exit', () => one.#process.kill('SIGKILL'));
        const early = one.#ended.then((code) => {
            throw new Error(`prometheus-adapter ended with ${code}: see artifacts/kubernetes/prometheus-adapter.log`);
        });
        early.catch(() => {});
        await apply(objects(port));
        await Promise.race([Promise.all(VERSIONS.map(available)), early]);
        return one;
    }

    /** Ends it, and takes the API away: while nobody serves an API that is named, no namespace goes. */
    async stop() {
        for (const version of VERSIONS) await remove('apiservices', `${version}.custom.metrics.k8s.io`);
        await kubectl(['--namespace', SYSTEM, 'delete', 'services,endpointslices', `--selector=app=${NAME}`]);
        this.#process.kill('SIGTERM');
        await this.#ended;
        await rm(this.#folder, { recursive: true, force: true });
    }
}

const available = (version) =>
    untilObject(
        `the API server reaches prometheus-adapter for ${version}`,
        'apiservices',
        `${version}.custom.metrics.k8s.io`,
        undefined,
        (one) => condition(one, 'Available')?.status === 'True',
        { seconds: 60 },
    );
