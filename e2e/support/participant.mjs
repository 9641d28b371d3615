// A person at our page: does what a person does, sees what a person sees.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ARTIFACTS } from './artifacts.mjs';
import { openPage } from './browser.mjs';
import { EVERYONE } from './people.mjs';
import { middleColour, nearest } from './pixels.mjs';
import { until } from './wait.mjs';

/** Colours differ by more than twice this, and encoding moves them by less. */
const NEAR = 60;

export class Participant {
    /**
     * Opens the room's page and stops at the pre-join screen. `websocketUrl` sends the signalling another way; `open` is how
     * the browser is opened, Chromium unless said otherwise.
     */
    static async open(person, url, { query = '', viewport, websocketUrl, flags, open = openPage } = {}) {
        const participant = new Participant();
        Object.assign(participant, { person, url }, await open(person, { viewport, flags }));
        if (websocketUrl) {
            await participant.page.route('**/config.json', async (route) => {
                const response = await route.fetch();
                await route.fulfill({ response, json: { ...(await response.json()), websocketUrl } });
            });
        }
        await participant.page.goto(`${url}${query}`);
        await participant.page.getByLabel('Your name').fill(person.name);
        return participant;
    }

    /** Opens the page and joins. */
    static async join(person, url, options) {
        const participant = await Participant.open(person, url, options);
        await participant.enter();
        return participant;
    }

    /** Presses the button of the pre-join screen. */
    async enter() {
        await this.page.getByRole('button', { name: 'Join meeting' }).click({ timeout: 30_000 });
    }

    /** The tile of a person, as this one sees it. */
    tile(person) {
        return this.page.locator(`[data-participant-id][data-name="${person.name}"]`).first();
    }

    /** Waits until the tile of `person` shows that person's colour; the picture of anybody else is a failure. */
    async sees(person, { seconds = 40 } = {}) {
        const probe = async () => {
            const tile = this.tile(person);
            if (!(await tile.isVisible().catch(() => false))) return { ok: false, seen: 'no tile' };
            // A tile that is drawn anew just now has none.
            const picture = await tile.screenshot().catch(() => undefined);
            if (!picture) return { ok: false, seen: 'no picture of the tile' };
            const seen = middleColour(picture);
            const { person: closest, distance } = nearest(EVERYONE, seen);
            return { ok: distance < NEAR && closest === person, seen: { colour: seen, nearest: closest.name, distance } };
        };
        return until(`${this.person.name} sees ${person.name}'s colour`, probe, { seconds });
    }

    /** Waits until nobody has the tile of `person` any more. */
    async losesSightOf(person, { seconds = 20 } = {}) {
        await until(`${person.name} has left ${this.person.name}'s page`, async () => (await this.tile(person).count()) === 0, { seconds });
    }

    /** Rows of the statistics of one kind. */
    async rows(type, kind) {
        const rows = await this.page.evaluate(() => window.instruments.stats());
        return rows.filter((row) => row.type === type && row.kind === kind);
    }

    /** Frames decoded so far, over all videos. */
    async framesDecoded() {
        return (await this.rows('inbound-rtp', 'video')).reduce((sum, row) => sum + (row.framesDecoded ?? 0), 0);
    }

    /** Waits until `count` videos are being decoded, each of them growing. */
    async decodes(count, { seconds = 30 } = {}) {
        const frames = async () => new Map((await this.rows('inbound-rtp', 'video')).map((row) => [row.ssrc, row.framesDecoded ?? 0]));
        const before = await frames();
        await until(
            `${this.person.name} decodes ${count} growing videos`,
            async () => {
                const growing = [...(await frames())].filter(([ssrc, decoded]) => decoded > (before.get(ssrc) ?? 0) + 5);
                return { ok: growing.length >= count, seen: growing };
            },
            { seconds },
        );
    }

    /** Energy of all sound heard so far (sum of totalAudioEnergy). */
    async audioEnergy() {
        return (await this.rows('inbound-rtp', 'audio')).reduce((sum, row) => sum + (row.totalAudioEnergy ?? 0), 0);
    }

    /** Waits until clearly more than silence is heard. */
    async hears({ seconds = 20 } = {}) {
        const before = await this.audioEnergy();
        await until(
            `${this.person.name} hears a tone`,
            async () => {
                const energy = (await this.audioEnergy()) - before;
                return { ok: energy > 0.01, seen: energy };
            },
            { seconds },
        );
    }

    /** Waits until half a second of sound has no energy. */
    async hearsNothing({ seconds = 15 } = {}) {
        const look = async () => {
            const rows = await this.rows('inbound-rtp', 'audio');
            const sum = (field) => rows.reduce((total, row) => total + (row[field] ?? 0), 0);
            return { energy: sum('totalAudioEnergy'), duration: sum('totalSamplesDuration') };
        };
        let before = await look();
        const probe = async () => {
            const now = await look();
            const [energy, duration] = [now.energy - before.energy, now.duration - before.duration];
            if (duration < 0.5) return { ok: false, seen: { duration } };
            before = now;
            return { ok: energy < 0.0005, seen: { energy, duration } };
        };
        await until(`${this.person.name} hears nothing`, probe, { seconds });
    }

    /** Makes this person's microphone sound, or be silent. */
    async tone(loudness) {
        await this.page.evaluate(([volume, hertz]) => window.instruments.tone(volume, hertz), [loudness, this.person.hertz]);
    }

    /** Waits until this page marks `person` as the dominant speaker. */
    async seesDominant(person, { seconds = 20 } = {}) {
        const dominant = this.page.locator(`[data-name="${person.name}"][data-dominant="true"]`);
        await until(`${this.person.name} sees ${person.name} speak`, async () => (await dominant.count()) > 0, { seconds });
    }

    /** Waits until this page shows whether `person` is muted. */
    async seesMuted(person, muted, { seconds = 15 } = {}) {
        const tile = this.page.locator(`[data-name="${person.name}"][data-audio-muted="${muted}"]`);
        await until(`${this.person.name} sees ${person.name} ${muted ? 'muted' : 'unmuted'}`, async () => (await tile.count()) > 0, { seconds });
    }

    /** Codecs of the videos that are sent, as the statistics name them. */
    async sentCodecs() {
        const rows = await this.page.evaluate(() => window.instruments.stats());
        const codecs = new Map(rows.filter((row) => row.type === 'codec').map((row) => [row.id, row.mimeType.toLowerCase()]));
        const sent = rows.filter((row) => row.type === 'outbound-rtp' && row.kind === 'video' && row.framesEncoded > 0);
        return new Set(sent.map((row) => codecs.get(row.codecId)));
    }

    /** Frames decoded so far of each video, by its SSRC and the peer connection's session. */
    async videoArrivals() {
        const rows = await this.rows('inbound-rtp', 'video');
        return new Map(rows.map((row) => [`${row.connection}/${row.ssrc}`, row.framesDecoded ?? 0]));
    }

    /**
     * Where the media comes from: address and UDP port of the peer of each open transport. A pair in use is not known by its
     * state: Chromium calls it in progress while it waits for the answer to a consent check (RFC 7675).
     */
    async mediaPeers() {
        const rows = await this.page.evaluate(() => window.instruments.stats());
        const byId = new Map(rows.map((row) => [`${row.connection}/${row.id}`, row]));
        const transports = rows.filter((row) => row.type === 'transport' && row.selectedCandidatePairId);
        return transports.flatMap(({ connection, selectedCandidatePairId }) => {
            const pair = byId.get(`${connection}/${selectedCandidatePairId}`);
            const remote = byId.get(`${connection}/${pair?.remoteCandidateId}`);
            return remote ? [{ address: remote.address, port: remote.port }] : [];
        });
    }

    /** Whether the media comes from this UDP port. */
    async receivesFrom(port) {
        return (await this.mediaPeers()).some((peer) => peer.port === port);
    }

    /** A button of the toolbar, by its label. */
    tool(name) {
        return this.page.getByRole('toolbar', { name: 'Meeting controls' }).getByRole('button', { name, exact: typeof name === 'string' });
    }

    /** Opens the chat, unless it is open. */
    async openChat() {
        if (!(await this.page.getByRole('textbox', { name: 'Write a message' }).isVisible())) await this.tool(/^Chat/).click();
    }

    /** Sends a chat message. */
    async say(text) {
        await this.openChat();
        await this.page.getByRole('textbox', { name: 'Write a message' }).fill(text);
        await this.page.keyboard.press('Enter');
    }

    /** Waits until the chat shows a message. */
    async reads(text) {
        await this.openChat();
        await this.page.getByRole('list', { name: 'Messages' }).getByText(text).waitFor();
    }

    /** Sets the meeting's password, as its moderator. */
    async setPassword(password) {
        await this.tool('More').click();
        await this.page.getByRole('menuitem', { name: /^(Set a password|Password)…$/ }).click();
        await this.page.getByLabel('New password').fill(password);
        const notice = this.page.getByText('The password is set.');
        await until('the notice of an earlier password is gone', async () => (await notice.count()) === 0);
        await this.page.getByRole('button', { name: 'Set password' }).click();
        await notice.waitFor();
    }

    /** Keeps a picture of the page. */
    async picture(name) {
        await mkdir(ARTIFACTS, { recursive: true });
        await this.page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
    }

    /** The page has complained about nothing. */
    hasNoComplaints(except = []) {
        const complaints = this.complaints.filter((text) => !except.some((pattern) => pattern.test(text)));
        assert.deepEqual(complaints, [], `console errors of ${this.person.name}`);
    }
}
