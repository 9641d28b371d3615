import { describe, expect, test } from 'vitest';
import { parseOffer } from './jingle';
import { buildRemoteSdp, fixedLines, orderPayloads } from './remoteSdp';
import { SlotTable } from './slots';
import { offerXml } from './testing/offer';
import { parseXml } from './testing/parseXml';

function sections(sdp: string): string[] {
  return sdp.split(/(?=^m=)/m);
}

describe('the remote description', () => {
  const offer = parseOffer(parseXml(offerXml()));

  test('has_our_microphone_camera_and_screen_first_and_bundles_all', () => {
    const sdp = buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1);
    const [head, audio, camera, screen, ...rest] = sections(sdp);
    expect(head).toContain('a=group:BUNDLE 0 1 2\r\n');
    expect(audio).toMatch(/^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111 126\r\n/);
    expect(camera).toMatch(/^m=video/);
    expect(screen).toContain('a=recvonly\r\n');
    expect(rest).toEqual([]);
  });

  test('carries_the_bridges_credentials_and_its_candidate_once', () => {
    const sdp = buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1);
    expect(sdp.match(/a=ice-ufrag:2u8241k\r\n/g)).toHaveLength(3);
    expect(sdp.match(/a=fingerprint:sha-256 D6:94:21:13\r\n/g)).toHaveLength(3);
    expect(sdp.match(/a=candidate:/g)).toHaveLength(1);
    expect(sdp).toContain('a=candidate:1 1 udp 2130706431 198.18.0.1 12001 typ host\r\n');
  });

  test('receives_the_bridges_padding_on_the_lines_that_send', () => {
    const sdp = buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1);
    const [, audio, camera] = sections(sdp);
    expect(audio).toContain('a=ssrc:3673838367 msid:mixedmslabel mixedlabelaudio0\r\n');
    expect(camera).toContain('a=ssrc:2622895325 msid:mixedmslabel mixedlabelvideo0\r\n');
    expect(camera).toContain('a=sendrecv\r\n');
  });

  test('asks_for_the_cameras_layers_by_rid_where_the_browser_needs_it', () => {
    const sdp = buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1, ['0', '1', '2']);
    const [, audio, camera, screen] = sections(sdp);
    expect(camera).toContain(
      'a=rid:0 recv\r\na=rid:1 recv\r\na=rid:2 recv\r\na=simulcast:recv 0;1;2\r\n',
    );
    for (const other of [audio, screen, buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1)]) {
      expect(other).not.toContain('rid:');
    }
  });

  test('leaves_out_routing_by_mid', () => {
    const sdp = buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1);
    expect(sdp).toContain('a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n');
    expect(sdp).not.toContain('sdes:mid');
  });

  test('lets_only_av1_describe_its_frames_by_an_extension', () => {
    const slots = new SlotTable(fixedLines(offer));
    slots.applyMap('video', [{ source: 'x-v0', owner: 'x', ssrc: 7 }]);
    const lines = (codec: 'vp8' | 'av1'): boolean[] =>
      sections(buildRemoteSdp(offer, offer.transport, slots.slots, [codec], 1))
        .slice(2)
        .map((section) => section.includes('#dependency-descriptor-rtp-header-extension'));
    // Camera, screen, and what is received of others.
    expect(lines('vp8')).toEqual([false, false, true]);
    expect(lines('av1')).toEqual([true, true, true]);
  });

  test('spreads_the_h264_parameters_that_focus_puts_into_one', () => {
    const sdp = buildRemoteSdp(offer, offer.transport, [], ['vp8'], 1);
    expect(sdp).toContain(
      'a=fmtp:107 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1\r\n',
    );
  });

  test.each([
    ['vp8', '100 96 41 42 107 99 101 97'],
    ['vp9', '101 97 41 42 100 96 107 99'],
    ['h264', '107 99 41 42 100 96 101 97'],
    ['av1', '41 42 100 96 107 99 101 97'],
  ] as const)('puts_%s_first_when_it_is_preferred', (codec, order) => {
    const ordered = orderPayloads(offer.video.payloads, [codec]);
    expect(ordered.map((payload) => payload.id).join(' ')).toBe(order);
  });

  test('has_the_data_channel_fourth_where_the_bridge_offers_one', () => {
    const withData = parseOffer(parseXml(offerXml({ data: true })));
    const slots = new SlotTable(fixedLines(withData));
    slots.applyMap('audio', [{ source: 'x-a0', owner: 'x', ssrc: 7 }]);
    const sdp = buildRemoteSdp(withData, withData.transport, slots.slots, ['vp8'], 1);
    const all = sections(sdp);
    expect(all[4]).toMatch(/^m=application 9 UDP\/DTLS\/SCTP webrtc-datachannel\r\n/);
    expect(all[4]).toContain('a=sctp-port:5000\r\n');
    expect(all[5]).toContain('a=mid:4\r\n');
    expect(sdp).toContain('a=group:BUNDLE 0 1 2 3 4\r\n');
  });

  test('sends_each_slot_on_a_line_of_its_own_and_keeps_an_empty_one_inactive', () => {
    const signalled = parseOffer(parseXml(offerXml({ rewriting: false })));
    const slots = new SlotTable(fixedLines(signalled));
    slots.add(signalled.sources);
    let all = sections(buildRemoteSdp(signalled, signalled.transport, slots.slots, ['vp8'], 1));
    expect(all[4]).toContain('a=ssrc-group:FID 5010 5011\r\n');
    expect(all[4]).toContain('a=sendonly\r\n');
    expect(all[5]).toMatch(/^m=audio/);
    slots.removeOwner('a9ecf68b', false);
    all = sections(buildRemoteSdp(signalled, signalled.transport, slots.slots, ['vp8'], 2));
    expect(all[0]).toContain('o=- 1 2 IN');
    expect(all[4]).toContain('a=inactive\r\n');
    expect(all[4]).not.toContain('a=ssrc');
  });
});
