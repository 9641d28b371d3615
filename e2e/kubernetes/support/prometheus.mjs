// A real Prometheus: the chart's scrape configuration and rules, on the running cluster's pods.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, parse, stringify } from 'yaml';
import { ARTIFACTS } from '../../support/artifacts.mjs';
import { freePort } from '../../support/stack.mjs';
import { until } from '../../support/wait.mjs';
import { list } from './api.mjs';
import { CHART, helm, RELEASE } from './helm.mjs';
import { repeatedly } from './repeatedly.mjs';

/** How often it scrapes, and looks at its rules. */
const INTERVAL = '2s';

/** The chart's PrometheusRule as a rule file, with `set` as `--set` of Helm. */
async function rules(set) {
    const values = ['--set=rules.create=true', `--set=${set}`];
    // The schema of Kubernetes' versions is that of a cluster that the chart supports.
    const text = await helm('template', RELEASE, CHART, '--show-only=templates/prometheus-rule.yaml', ...values, '--kube-version=1.35.4');
    const documents = parseAllDocuments(text).map((document) => document.toJS());
    return documents.find((one) => one?.kind === 'PrometheusRule').spec;
}

/**
 * What Prometheus' own discovery (`role: pod`) tells of the pods of Shoal. Debian's Prometheus is built without it, so the
 * discovery is done here, and everything after it is as in the chart's file.
 */
async function discover() {
    const pods = await list('pods', { selector: 'app.kubernetes.io/name=shoal' });
    return pods.filter((pod) => pod.status.podIP).flatMap(targets);
}

function targets(pod) {
    const labels = Object.entries(pod.metadata.labels).map(([key, value]) => [`__meta_kubernetes_pod_label_${key.replace(/\W/g, '_')}`, value]);
    const common = {
        __meta_kubernetes_namespace: pod.metadata.namespace,
        __meta_kubernetes_pod_name: pod.metadata.name,
        __meta_kubernetes_pod_phase: pod.status.phase,
        ...Object.fromEntries(labels),
    };
    const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
    return ports.map((port) => ({
        targets: [`${pod.status.podIP}:${port.containerPort}`],
        labels: { ...common, __meta_kubernetes_pod_container_port_name: port.name ?? '' },
    }));
}

export class Prometheus {
    #process;
    #folder;
    #discovery;
    #ended;

    /** Starts it with the chart's alerts, whose times of `for` are this many percent of what they are. */
    static async start({ forPercent = 100 } = {}) {
        const one = new Prometheus();
        one.#folder = await mkdtemp(join(tmpdir(), 'shoal-prometheus-'));
        const file = (name) => join(one.#folder, name);
        await writeFile(file('rules.yaml'), stringify(await rules(`rules.forPercent=${forPercent}`)));
        const scrape = parse(await readFile(join(CHART, 'files/prometheus/scrape.yaml'), 'utf8'));
        for (const job of scrape.scrape_configs) {
            delete job.kubernetes_sd_configs;
            job.file_sd_configs = [{ files: [file('pods.json')], refresh_interval: '1s' }];
        }
        const global = { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL };
        await writeFile(file('prometheus.yaml'), stringify({ global, rule_files: [file('rules.yaml')], ...scrape }));
        await one.#watch();
        const port = await freePort();
        one.url = `http://127.0.0.1:${port}`;
        await mkdir(join(ARTIFACTS, 'kubernetes'), { recursive: true });
        const log = createWriteStream(join(ARTIFACTS, 'kubernetes', 'prometheus.log'));
        const args = [`--config.file=${file('prometheus.yaml')}`, `--storage.tsdb.path=${file('data')}`, `--web.listen-address=127.0.0.1:${port}`];
        one.#process = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
        one.#process.stderr.pipe(log);
        one.#ended = new Promise((resolve) => one.#process.once('exit', resolve));
        process.once('exit', () => one.#process.kill('SIGKILL'));
        const early = one.#ended.then((code) => {
            throw new Error(`prometheus ended with ${code}: see artifacts/kubernetes/prometheus.log`);
        });
        early.catch(() => {});
        const ready = () => fetch(`${one.url}/-/ready`).then(({ ok }) => ok, () => false);
        await Promise.race([until('prometheus is ready', ready, { seconds: 60 }), early]);
        return one;
    }

    /** Tells Prometheus of the pods, over and over. */
    async #watch() {
        const tell = async () => writeFile(join(this.#folder, 'pods.json'), JSON.stringify(await discover()));
        await tell();
        this.#discovery = repeatedly(tell, 1000);
    }

    async #get(path) {
        const answer = await (await fetch(`${this.url}/api/v1/${path}`)).json();
        if (answer.status !== 'success') throw new Error(`prometheus refuses ${decodeURIComponent(path)}: ${answer.error}`);
        return answer.data;
    }

    /** What an expression gives: `[{ metric, value }]`. */
    async query(expression) {
        const { result } = await this.#get(`query?query=${encodeURIComponent(expression)}`);
        return result;
    }

    /** Names of all metrics that it has seen. */
    metrics() {
        return this.#get('label/__name__/values');
    }

    /** The rules that it follows. */
    async rules() {
        const { groups } = await this.#get('rules');
        return groups.flatMap((group) => group.rules);
    }

    /** Names of the alerts that fire. */
    async firing() {
        const { alerts } = await this.#get('alerts');
        return [...new Set(alerts.filter((one) => one.state === 'firing').map((one) => one.labels.alertname))].sort();
    }

    /** Waits until everything that it scrapes answers, and there are so many. */
    async scrapesAll(atLeast, { seconds = 60 } = {}) {
        await until(
            'prometheus scrapes every part',
            async () => {
                const up = await this.query('up');
                const down = up.filter((one) => one.value[1] !== '1').map((one) => one.metric.pod);
                return { ok: up.length >= atLeast && down.length === 0, seen: { up: up.length, down } };
            },
            { seconds },
        );
    }

    async stop() {
        await this.#discovery.stop();
        this.#process.kill('SIGTERM');
        await this.#ended;
        await rm(this.#folder, { recursive: true, force: true });
    }
}
