import { expect, test } from 'vitest';
import { parseJsonSources, parseSources } from './sources';
import { parseXml } from './testing/parseXml';

test('reads_the_compact_form_and_pairs_a_source_with_its_rtx', () => {
  const text =
    '{"sources":{"hkyjo5xo":[[{"s":5010,"n":"hkyjo5xo-v0","m":"a b","v":"d"},{"s":5011,"n":"hkyjo5xo-v0","m":"a b"}],[["f",5010,5011]],[{"s":5000,"n":"hkyjo5xo-a0","m":"c d"}]]}}';
  expect(parseJsonSources(text)).toEqual([
    {
      name: 'hkyjo5xo-v0',
      owner: 'hkyjo5xo',
      kind: 'video',
      ssrc: 5010,
      rtx: 5011,
      videoType: 'desktop',
    },
    {
      name: 'hkyjo5xo-a0',
      owner: 'hkyjo5xo',
      kind: 'audio',
      ssrc: 5000,
      rtx: null,
      videoType: 'camera',
    },
  ]);
});

test('reads_the_classic_form', () => {
  const ssma = 'urn:xmpp:jingle:apps:rtp:ssma:0';
  const source = (ssrc: number): string =>
    `<source xmlns='${ssma}' ssrc='${ssrc}' name='b-v0'><ssrc-info xmlns='http://jitsi.org/jitmeet' owner='b'/></source>`;
  const text = `<jingle xmlns='urn:xmpp:jingle:1' action='source-add'><content name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>${source(1)}${source(2)}${source(3)}${source(4)}<ssrc-group xmlns='${ssma}' semantics='SIM'><source ssrc='1'/><source ssrc='3'/></ssrc-group><ssrc-group xmlns='${ssma}' semantics='FID'><source ssrc='1'/><source ssrc='2'/></ssrc-group><ssrc-group xmlns='${ssma}' semantics='FID'><source ssrc='3'/><source ssrc='4'/></ssrc-group></description></content></jingle>`;
  expect(parseSources(parseXml(text))).toEqual([
    { name: 'b-v0', owner: 'b', kind: 'video', ssrc: 1, rtx: 2, videoType: 'camera' },
  ]);
});

test('a_stream_of_error_correction_is_no_source_though_it_stands_first', () => {
  const text =
    '{"sources":{"b":[[{"s":3,"n":"b-v0"},{"s":1,"n":"b-v0"},{"s":2,"n":"b-v0"}],[["FEC-FR",1,3],["f",1,2]],[]]}}';
  const source = (ssrc: number): string =>
    `<source ssrc='${ssrc}' name='b-v0'><ssrc-info xmlns='http://jitsi.org/jitmeet' owner='b'/></source>`;
  const group = (semantics: string, repair: number): string =>
    `<ssrc-group semantics='${semantics}'><source ssrc='1'/><source ssrc='${repair}'/></ssrc-group>`;
  const inside = [source(3), source(1), source(2), group('FEC-FR', 3), group('FID', 2)].join('');
  const classic = `<jingle xmlns='urn:xmpp:jingle:1'><content name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>${inside.replaceAll(/<(source|ssrc-group) /g, "<$1 xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ")}</description></content></jingle>`;
  const expected = [
    { name: 'b-v0', owner: 'b', kind: 'video', ssrc: 1, rtx: 2, videoType: 'camera' },
  ];
  expect(parseJsonSources(text)).toEqual(expected);
  expect(parseSources(parseXml(classic))).toEqual(expected);
});

test.each([
  'no json',
  'null',
  '{"sources":7}',
  '{"sources":{"a":[]}}',
  '{"sources":{"a":[[{"s":-1},{"s":"x"},null]]}}',
  '{"sources":{"a":null}}',
])('takes_no_source_from_%s', (text) => {
  expect(parseJsonSources(text)).toEqual([]);
});
