import { expect, test } from 'vitest';
import { NS } from './ns';
import { buildPresence, parsePresence, parseSourceInfo } from './presence';
import { parseXml } from './testing/parseXml';

const OWN = {
  name: 'Ada & Co',
  capsVersion: 'x=',
  codecs: ['vp9', 'vp8'] as const,
  sources: { 'dba605c3-a0': { muted: false } },
  raisedHandAt: 0,
};

test('joins_with_what_focus_needs_to_know', () => {
  const text = buildPresence('r@muc/dba605c3', OWN, { password: 's<3', memory: null }).toString();
  const sent = parseXml(text);
  expect(sent.getChild('x', NS.muc)?.getChildText('password')).toBe('s<3');
  expect(sent.getChildText('jitsi_participant_codecList')).toBe('vp9,vp8');
  expect(sent.getChildText('SourceInfo')).toBe('{"dba605c3-a0":{"muted":false}}');
  expect(sent.getChildText('nick', NS.nick)).toBe('Ada & Co');
  expect(sent.getChild('c', NS.caps)?.attrs.node).toBe('https://jitsi.org/jitsi-meet');
  expect(sent.getChild('jitsi_participant_raisedHand')).toBeUndefined();
});

test('later_presence_does_not_join_again', () => {
  const sent = buildPresence('r@muc/dba605c3', { ...OWN, raisedHandAt: 12 });
  expect(sent.getChild('x', NS.muc)).toBeUndefined();
  expect(sent.getChildText('jitsi_participant_raisedHand')).toBe('12');
});

test('reads_an_occupant', () => {
  const presence = parsePresence(
    parseXml(
      `<presence xmlns='jabber:client' from='r@muc/a9ecf68b'><SourceInfo>{&quot;a9ecf68b-a0&quot;:{&quot;muted&quot;:false},&quot;a9ecf68b-v1&quot;:{&quot;videoType&quot;:&quot;desktop&quot;}}</SourceInfo><nick xmlns='${NS.nick}'>user1</nick><x xmlns='${NS.mucUser}'><item affiliation='none' jid='a9@meet.local/t' role='participant'/><status code='110'/></x></presence>`,
    ),
  );
  expect(presence).toMatchObject({
    nick: 'a9ecf68b',
    name: 'user1',
    realJid: 'a9@meet.local/t',
    role: 'participant',
    statusCodes: [110],
    sources: {
      'a9ecf68b-a0': { muted: false },
      'a9ecf68b-v1': { muted: true, videoType: 'desktop' },
    },
  });
});

test('reads_what_clients_say_that_do_not_name_their_sources', () => {
  const text = `<presence xmlns='jabber:client' from='r@muc/a9ecf68b'><audiomuted xmlns='http://jitsi.org/jitmeet/audio'>true</audiomuted><videoType>desktop</videoType></presence>`;
  expect(parsePresence(parseXml(text)).sources).toEqual({
    'a9ecf68b-a0': { muted: true },
    'a9ecf68b-v0': { muted: false, videoType: 'desktop' },
  });
});

test.each(['', 'nonsense', '[]', '7', '{"a":null}', '{"a":"b"}'])(
  'takes_no_source_state_from_%j',
  (text) => {
    expect(parseSourceInfo(text)).toEqual({});
  },
);
