import { expect, test } from 'vitest';
import { addSimulcast, localLine, localTransport } from './localSdp';

const ANSWER = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=ice-ufrag:woKe',
  'a=ice-pwd:hEIizlYrTLleB/89vmr3v+oF',
  'a=fingerprint:sha-256 EF:F6:56',
  'a=setup:active',
  'a=mid:0',
  'a=ssrc:3663035890 cname:W8Js',
  'm=video 9 UDP/TLS/RTP/SAVPF 100 96',
  'a=mid:1',
  'a=ssrc-group:FID 1529166200 3171624267',
  'a=ssrc:1529166200 cname:W8Js',
  'a=ssrc:3171624267 cname:W8Js',
  'm=video 9 UDP/TLS/RTP/SAVPF 100 96',
  'a=mid:10',
  '',
].join('\r\n');

test('reads_credentials_and_sources_of_an_answer', () => {
  expect(localTransport(ANSWER)).toEqual({
    ufrag: 'woKe',
    pwd: 'hEIizlYrTLleB/89vmr3v+oF',
    hash: 'sha-256',
    fingerprint: 'EF:F6:56',
    setup: 'active',
  });
  expect(localLine(ANSWER, '0').ssrcs).toEqual([3663035890]);
  expect(localLine(ANSWER, '10')).toEqual({ ssrcs: [], groups: [] });
});

test('every_group_that_the_browser_writes_is_signalled', () => {
  const written = ANSWER.replace(
    'a=ssrc-group:FID 1529166200 3171624267',
    'a=ssrc-group:FID 1529166200 3171624267\r\na=ssrc-group:FEC-FR 1529166200 7\r\na=ssrc:7 cname:W8Js',
  );
  expect(localLine(written, '1')).toEqual({
    ssrcs: [7, 1529166200, 3171624267],
    groups: [
      { semantics: 'FID', ssrcs: [1529166200, 3171624267] },
      { semantics: 'FEC-FR', ssrcs: [1529166200, 7] },
    ],
  });
});

test('adds_two_layers_each_with_its_rtx_and_keeps_the_first_ssrc_lowest', () => {
  let next = 100;
  const sdp = addSimulcast(ANSWER, '1', () => (next += 1));
  const line = localLine(sdp, '1');
  expect(line.groups).toEqual([
    { semantics: 'SIM', ssrcs: [1529166200, 101, 103] },
    { semantics: 'FID', ssrcs: [1529166200, 3171624267] },
    { semantics: 'FID', ssrcs: [101, 102] },
    { semantics: 'FID', ssrcs: [103, 104] },
  ]);
  expect(sdp).toContain('a=ssrc:104 cname:W8Js\r\n');
  expect(localLine(sdp, '0').ssrcs).toEqual([3663035890]);
});

test('leaves_a_description_alone_that_has_simulcast_or_no_such_line', () => {
  const once = addSimulcast(ANSWER, '1', () => 7);
  expect(addSimulcast(once, '1', () => 8)).toBe(once);
  expect(addSimulcast(ANSWER, '9', () => 8)).toBe(ANSWER);
  expect(addSimulcast(ANSWER, '10', () => 8)).toBe(ANSWER);
});

test('layers_that_are_told_apart_by_rid_are_signalled_as_a_group_of_their_ssrcs', () => {
  // As Firefox 153 answers an offer with three RIDs.
  const answer = [
    'v=0',
    'm=video 9 UDP/TLS/RTP/SAVPF 120 124',
    'a=sendrecv',
    'a=mid:1',
    'a=rid:0 send',
    'a=rid:1 send',
    'a=rid:2 send',
    'a=simulcast:send 0;1;2',
    ...[2146132444, 3908942664, 325849594, 4200128853, 747287859, 3551251759].map(
      (ssrc) => `a=ssrc:${ssrc} cname:{9b3fa254}`,
    ),
    'a=ssrc-group:FID 2146132444 3908942664',
    'a=ssrc-group:FID 325849594 4200128853',
    'a=ssrc-group:FID 747287859 3551251759',
    '',
  ].join('\r\n');
  const line = localLine(answer, '1');
  expect(line.ssrcs).toHaveLength(6);
  expect(line.groups).toEqual([
    { semantics: 'SIM', ssrcs: [2146132444, 325849594, 747287859] },
    { semantics: 'FID', ssrcs: [2146132444, 3908942664] },
    { semantics: 'FID', ssrcs: [325849594, 4200128853] },
    { semantics: 'FID', ssrcs: [747287859, 3551251759] },
  ]);
});
