// A conference on a bridge without a focus, over its REST interface (Colibri2), and its offers as SDP.

import assert from 'node:assert/strict';

/** What peers of these tests can receive. */
const OPUS = { id: 111, name: 'opus', clockrate: 48000, channels: 2 };

/** A conference that this test alone commands. */
export class Conference {
    #url;

    constructor(privatePort, meeting) {
        this.#url = `http://127.0.0.1:${privatePort}/colibri/v2/conferences`;
        this.meeting = meeting;
        this.begun = false;
    }

    async #order(endpoints) {
        const [method, url] = this.begun ? ['PATCH', `${this.#url}/${this.meeting}`] : ['POST', this.#url];
        const body = JSON.stringify({ 'meeting-id': this.meeting, ...(this.begun ? {} : { create: true }), endpoints });
        const answer = await fetch(url, { method, headers: { 'content-type': 'application/json' }, body });
        const text = await answer.text();
        assert.equal(answer.status, 200, text);
        this.begun = true;
        return JSON.parse(text);
    }

    /** Makes the endpoint `id`, which is to hear the SSRC `hears`; the bridge's side of its transport, as an offer in SDP. */
    async invite(id, hears, { setup = 'actpass' } = {}) {
        const endpoint = {
            id,
            create: true,
            medias: [{ type: 'audio', 'payload-types': [OPUS] }],
            transport: { 'ice-controlling': true, sctp: {} },
            capabilities: ['source-names'],
        };
        const answer = await this.#order([endpoint]);
        return offer(answer.endpoints[0].transport.transport, hears, setup);
    }

    /** Takes a peer's answer in SDP: its transport, and the audio that it sends with `ssrc`, if any. */
    async accept(id, sdp, ssrc) {
        const attribute = (name) => new RegExp(`^a=${name}:(.*)$`, 'm').exec(sdp)[1].trim();
        const [hash, fingerprint] = attribute('fingerprint').split(' ');
        const candidates = [...new Set(sdp.match(/^a=candidate:.*$/gm))].map((line, number) => {
            const [foundation, component, protocol, priority, ip, port, , type] = line.trim().slice('a=candidate:'.length).split(' ');
            return { foundation, component, protocol: protocol.toLowerCase(), priority, ip, port, type, generation: '0', id: `c${number}`, network: '0' };
        });
        const name = `${id}-a0`;
        await this.#order([
            {
                id,
                transport: {
                    transport: {
                        ufrag: attribute('ice-ufrag'),
                        pwd: attribute('ice-pwd'),
                        'rtcp-mux': true,
                        fingerprints: [{ hash: hash.toLowerCase(), fingerprint, setup: attribute('setup') }],
                        candidates,
                    },
                },
                sources: ssrc ? [{ type: 'audio', id: name, sources: [{ ssrc, name }] }] : [],
            },
        ]);
    }
}

/** Audio both ways and a data channel over the bridge's side of a transport. */
function offer({ ufrag, pwd, fingerprints: [{ hash, fingerprint }], candidates }, hears, setup) {
    const transport = [
        'c=IN IP4 0.0.0.0',
        `a=ice-ufrag:${ufrag}`,
        `a=ice-pwd:${pwd}`,
        `a=fingerprint:${hash} ${fingerprint}`,
        `a=setup:${setup}`,
        ...candidates.map(
            ({ foundation, component, protocol, priority, ip, port, type }) =>
                `a=candidate:${foundation} ${component} ${protocol} ${priority} ${ip} ${port} typ ${type}`,
        ),
    ];
    return [
        'v=0',
        'o=- 1 1 IN IP4 0.0.0.0',
        's=-',
        't=0 0',
        'a=group:BUNDLE 0 1',
        'm=audio 9 UDP/TLS/RTP/SAVPF 111',
        'a=mid:0',
        'a=sendrecv',
        'a=rtcp-mux',
        'a=rtpmap:111 opus/48000/2',
        `a=ssrc:${hears} cname:other`,
        ...transport,
        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
        'a=mid:1',
        'a=sctp-port:5000',
        'a=max-message-size:262144',
        ...transport,
        '',
    ].join('\r\n');
}
