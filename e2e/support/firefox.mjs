// Firefox with a person's camera, over WebDriver BiDi, which is what Debian's Firefox can be driven by.

import puppeteer from 'puppeteer-core';
import { readFile } from 'node:fs/promises';
import { until } from './wait.mjs';

const INSTRUMENTS = await readFile(new URL('./instruments.js', import.meta.url), 'utf8');

const PREFERENCES = {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.autoplay.default': 0,
    'media.peerconnection.ice.loopback': true,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
    // A network that has only loopback is a network.
    'network.manage-offline-status': false,
    'app.update.disabledForTesting': true,
    // A codec that would be fetched from the network.
    'media.gmp-manager.updateEnabled': false,
};

/** What has a role by itself. */
const TAGS = { button: 'button', textbox: 'input, textarea' };

/** In the page: the elements that `steps` lead to, each step within what the one before it found. */
function follow(steps) {
    const nameOf = (element) => {
        const text = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
        return text.replace(/\s+/g, ' ').trim();
    };
    let found = [document];
    for (const { selector, name } of steps) {
        const within = new Set(found.flatMap((element) => [...element.querySelectorAll(selector)]));
        found = [...within].filter((element) => name === undefined || nameOf(element) === name);
    }
    return found;
}

/**
 * Elements of the page, named as Playwright names them, as far as people in meetings need it. Firefox is not asked for its
 * accessibility tree: each answer takes ten times as long, a quarter of a minute on a busy machine.
 */
class Elements {
    #steps;

    constructor(page, steps) {
        this.page = page;
        this.#steps = steps;
    }

    first() {
        return this;
    }

    locator(selector) {
        return new Elements(this.page, [...this.#steps, { selector }]);
    }

    getByRole(role, { name }) {
        const selector = [TAGS[role], `[role="${role}"]`].filter(Boolean).join();
        return new Elements(this.page, [...this.#steps, { selector, name }]);
    }

    getByLabel(label) {
        return this.getByRole('textbox', { name: label });
    }

    async count() {
        const found = await this.page.evaluateHandle(follow, this.#steps);
        return found.evaluate((all) => all.length);
    }

    async isVisible() {
        return (await this.#visible()) !== null;
    }

    /** The first one that is to be seen, or null. */
    async #visible() {
        const found = await this.page.evaluateHandle(follow, this.#steps);
        const first = await found.evaluateHandle((all) => {
            const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
            return all.find(shown) ?? null;
        });
        await found.dispose();
        return first.asElement();
    }

    /** The same once it is there and takes input. */
    async #element(timeout) {
        let element;
        const probe = async () => {
            element = await this.#visible();
            return element !== null && !(await element.evaluate((one) => one.disabled));
        };
        await until(`Firefox shows ${JSON.stringify(this.#steps)}`, probe, { seconds: timeout / 1000 });
        return element;
    }

    async click({ timeout = 30_000 } = {}) {
        await (await this.#element(timeout)).click();
    }

    async fill(text) {
        const element = await this.#element(30_000);
        await element.evaluate((input) => input.select());
        await element.type(text);
    }

    async screenshot() {
        return Buffer.from(await (await this.#element(5_000)).screenshot());
    }
}

/** The page, named as Playwright names it. */
class Page extends Elements {
    constructor(page) {
        super(page, []);
    }

    async goto(address) {
        await this.page.goto(address);
    }

    async evaluate(...values) {
        return this.page.evaluate(...values);
    }

    async screenshot(options) {
        return this.page.screenshot(options);
    }
}

/** A page in a Firefox of its own. */
export async function openFirefox(person, { viewport = { width: 1000, height: 640 } } = {}) {
    const browser = await puppeteer.launch({
        browser: 'firefox',
        executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
        headless: true,
        timeout: 180_000,
        acceptInsecureCerts: true,
        extraPrefsFirefox: PREFERENCES,
        defaultViewport: viewport,
    });
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(`window.testCamera = ${JSON.stringify(person.colour)};`);
    await page.evaluateOnNewDocument(INSTRUMENTS);
    const complaints = [];
    page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { browser, page: new Page(page), complaints };
}
