// Helm, and the release of Shoal's chart.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HELM, ROOT } from './environment.mjs';
import { SYSTEM } from './service.mjs';

const run = promisify(execFile);

export const RELEASE = 'shoal';
export const CHART = join(ROOT, 'charts/shoal');

/** Runs Helm in the operator's namespace; gives what it prints. */
export async function helm(...args) {
    const [program, ...first] = HELM;
    return (await run(program, [...first, '--namespace', SYSTEM, ...args], { maxBuffer: 1 << 26 })).stdout;
}
