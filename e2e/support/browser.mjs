// Chromium with a person's camera.

import { chromium } from 'playwright-core';
import { readFile } from 'node:fs/promises';

const INSTRUMENTS = await readFile(new URL('./instruments.js', import.meta.url), 'utf8');

const FLAGS = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--use-fake-device-for-media-stream=fps=15',
    '--use-fake-ui-for-media-stream',
    '--allow-loopback-in-peer-connection',
    '--autoplay-policy=no-user-gesture-required',
];

/** A page in a browser of its own, for the file camera belongs to the browser; `flags` are more of Chromium's. */
export async function openPage(person, { viewport = { width: 1000, height: 640 }, flags = [] } = {}) {
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        headless: true,
        args: [...FLAGS, ...flags, `--use-file-for-fake-video-capture=${person.camera}`],
    });
    const context = await browser.newContext({ viewport, permissions: ['camera', 'microphone'], ignoreHTTPSErrors: true });
    await context.addInitScript(INSTRUMENTS);
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { browser, page, complaints };
}
