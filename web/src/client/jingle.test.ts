import { expect, test } from 'vitest';
import {
  buildAccept,
  buildIceRestartAnswer,
  buildSourceChange,
  buildTerminate,
  OfferError,
  parseOffer,
  parseTransport,
} from './jingle';
import { NS } from './ns';
import type { LocalSource } from './sources';
import { offerXml } from './testing/offer';
import { parseXml } from './testing/parseXml';

const LOCAL = { ufrag: 'qHne', pwd: 'RJk', hash: 'sha-256', fingerprint: '0F:4F', setup: 'active' };

const CAMERA: LocalSource = {
  name: 'dba605c3-v0',
  kind: 'video',
  ssrcs: [10, 11, 20, 21],
  groups: [
    { semantics: 'SIM', ssrcs: [10, 20] },
    { semantics: 'FID', ssrcs: [10, 11] },
    { semantics: 'FID', ssrcs: [20, 21] },
  ],
  msid: 'dba605c3-video-0 track',
  videoType: 'camera',
};

test('reads_an_offer_of_focus', () => {
  const offer = parseOffer(parseXml(offerXml()));
  expect(offer.sid).toBe('81ggqtsufoeo8');
  expect(offer.bridgeSessionId).toBe('579b4f6b');
  expect(offer.transport.webSocketUrls).toEqual([
    'ws://127.0.0.1:9091/colibri-ws/jvb1/fedc/dba605c3?pwd=eE',
  ]);
  expect(offer.video.payloads.map((payload) => payload.name)).toContain('AV1');
  expect(offer.sctpPort).toBeNull();
  expect(offer.sources).toEqual([]);
  expect(offer.bridgeSources.map((source) => source.ssrc)).toEqual([2622895325, 3673838367]);
});

test('reads_the_sctp_port_of_a_data_content', () => {
  expect(parseOffer(parseXml(offerXml({ data: true }))).sctpPort).toBe(5000);
});

test('refuses_an_offer_without_a_transport', () => {
  const text = `<jingle xmlns='${NS.jingle}' action='session-initiate' sid='x'><content name='audio'/></jingle>`;
  expect(() => parseOffer(parseXml(text))).toThrow(OfferError);
});

test('accepts_with_sources_in_the_classic_form', () => {
  const offer = parseOffer(parseXml(offerXml()));
  const accept = buildAccept(offer, LOCAL, [CAMERA], 'me@meet.local/r');
  expect(accept.attrs.responder).toBe('me@meet.local/r');
  const video = accept.getChildren('content')[1]!;
  const description = video.getChild('description', NS.rtp)!;
  const sources = description.getChildren('source', NS.ssma);
  expect(sources.map((source) => String(source.attrs.ssrc))).toEqual(['10', '11', '20', '21']);
  for (const source of sources) {
    expect(source.getChild('parameter')?.attrs.value).toBe(CAMERA.msid);
    expect(source.attrs.name).toBe('dba605c3-v0');
  }
  expect(description.getChildren('ssrc-group', NS.ssma)).toHaveLength(3);
  const transport = video.getChild('transport', NS.iceUdp)!;
  expect(transport.attrs.ufrag).toBe('qHne');
  expect(transport.getChild('fingerprint', NS.dtls)?.attrs.setup).toBe('active');
});

test('adds_a_source_later_to_its_own_content', () => {
  const change = buildSourceChange('source-add', 'sid1', CAMERA);
  expect(change.attrs).toMatchObject({ action: 'source-add', sid: 'sid1' });
  expect(change.getChildren('content').map((content) => content.attrs.name)).toEqual(['video']);
});

test('answers_an_ice_restart_with_the_generation_it_belongs_to', () => {
  const text = `<transport xmlns='${NS.iceUdp}' ufrag='a' pwd='b' ice-generation='3'/>`;
  expect(parseTransport(parseXml(text)).iceGeneration).toBe(3);
  const answer = buildIceRestartAnswer('sid1', LOCAL, 3).toString();
  expect(answer).toContain('ice-generation="3"');
  expect(answer).toContain('ufrag="qHne"');
});

test('asks_for_a_new_session_when_ice_has_failed', () => {
  const text = buildTerminate('sid1', 'connectivity-error', 'bs1', true).toString();
  expect(text).toContain('<connectivity-error/>');
  expect(text).toMatch(/<bridge-session [^>]*id="bs1"[^>]*restart="true"/);
});
