// Firefox with a person's camera, over WebDriver BiDi, which is what Debian's Firefox can be driven by.

import puppeteer from 'puppeteer-core';
import { readFile } from 'node:fs/promises';

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

/** Elements of the page, named as Playwright names them, as far as people in meetings need it. */
class Elements {
    constructor(page, selector) {
        Object.assign(this, { page, selector });
    }

    first() {
        return this;
    }

    getByRole(role, { name }) {
        return new Elements(this.page, `::-p-aria([role="${role}"][name="${name}"])`);
    }

    async count() {
        return (await this.page.$$(this.selector)).length;
    }

    async isVisible() {
        const element = await this.page.$(this.selector);
        return (await element?.isVisible()) ?? false;
    }

    async #element(timeout) {
        return this.page.waitForSelector(this.selector, { visible: true, timeout });
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
        super(page, ':root');
    }

    locator(selector) {
        return new Elements(this.page, selector);
    }

    getByLabel(label) {
        return this.getByRole('textbox', { name: label });
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
