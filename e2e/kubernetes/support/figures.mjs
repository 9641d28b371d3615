// Numbers that a test measured: shown with the test, and kept for the summary of the whole run.

import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ARTIFACTS } from '../../support/artifacts.mjs';

/** Where the figures of a run are gathered, a line each. */
const FILE = join(ARTIFACTS, 'kubernetes', 'figures.txt');

/** Shows a figure and keeps it. */
export async function figure(context, text) {
    context.diagnostic(`figure: ${text}`);
    await mkdir(join(ARTIFACTS, 'kubernetes'), { recursive: true });
    await appendFile(FILE, `${text}\n`);
}

/** Median, 95th percentile and greatest of milliseconds, for people. */
export function spread(values) {
    if (values.length === 0) return 'none';
    const sorted = [...values].sort((a, b) => a - b);
    const rank = (percent) => sorted[Math.max(Math.ceil((sorted.length * percent) / 100), 1) - 1];
    return `${values.length}: p50 ${rank(50)} ms, p95 ${rank(95)} ms, max ${rank(100)} ms`;
}

/** Seconds since a moment of `Date.now()`, for people. */
export const secondsSince = (start) => `${((Date.now() - start) / 1000).toFixed(1)} s`;
