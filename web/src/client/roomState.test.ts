import { beforeEach, describe, expect, test } from 'vitest';
import { NS } from './ns';
import { RoomState } from './roomState';
import { parseXml } from './testing/parseXml';

const ROOM = 'r@muc.meet.shoal';

function presence(
  nick: string,
  options: { type?: string; codes?: number[]; item?: string; inner?: string } = {},
) {
  const { type, codes = [], item = "affiliation='none' role='participant'", inner = '' } = options;
  const status = codes.map((code) => `<status code='${code}'/>`).join('');
  return parseXml(
    `<presence xmlns='jabber:client' from='${ROOM}/${nick}'${type ? ` type='${type}'` : ''}>${inner}<x xmlns='${NS.mucUser}'><item ${item}/>${status}</x></presence>`,
  );
}

describe('a room', () => {
  let room: RoomState;

  beforeEach(() => {
    room = new RoomState(ROOM, 'aaaaaaaa', 'focus@auth.meet.shoal');
  });

  test('is_joined_when_our_own_presence_comes_back', () => {
    expect(room.handlePresence(presence('bbbbbbbb'))[0]?.type).toBe('participant-joined');
    expect(room.handlePresence(presence('aaaaaaaa', { codes: [110] }))).toEqual([
      { type: 'joined' },
    ]);
    expect([...room.participants.keys()]).toEqual(['bbbbbbbb', 'aaaaaaaa']);
  });

  test('knows_focus_by_its_real_address_and_does_not_show_it', () => {
    const item = "affiliation='owner' role='moderator' jid='focus@auth.meet.shoal/x'";
    const events = room.handlePresence(presence('theboss', { item }));
    expect(events).toEqual([{ type: 'focus-present', bridgeMissing: false }]);
    expect(room.focusOccupant).toBe(`${ROOM}/theboss`);
    expect(room.participants.size).toBe(0);
  });

  test('takes_nobody_for_focus_who_only_has_its_name', () => {
    const item = "affiliation='none' role='participant' jid='mallory@meet.shoal/x'";
    expect(room.handlePresence(presence('focus', { item }))[0]?.type).toBe('participant-joined');
  });

  test('tells_that_a_password_is_needed', () => {
    const stanza = parseXml(
      `<presence xmlns='jabber:client' type='error' from='${ROOM}/aaaaaaaa'><x xmlns='${NS.muc}'/><error type='auth'><not-authorized xmlns='${NS.stanzaErrors}'/></error></presence>`,
    );
    expect(room.handlePresence(stanza)).toEqual([{ type: 'refused', condition: 'not-authorized' }]);
  });

  test('tells_a_change_beside_what_was_before', () => {
    room.handlePresence(presence('bbbbbbbb'));
    const inner = '<jitsi_participant_raisedHand>5</jitsi_participant_raisedHand>';
    const [event] = room.handlePresence(presence('bbbbbbbb', { inner }));
    expect(event).toMatchObject({
      type: 'participant-changed',
      participant: { raisedHandAt: 5 },
      previous: { raisedHandAt: 0 },
    });
  });

  test('tells_who_was_thrown_out', () => {
    room.handlePresence(presence('aaaaaaaa', { codes: [110] }));
    const events = room.handlePresence(
      presence('aaaaaaaa', { type: 'unavailable', codes: [307, 110] }),
    );
    expect(events[0]).toMatchObject({ type: 'removed', reason: 'kicked' });
  });

  test('ignores_presence_of_other_rooms', () => {
    const stanza = parseXml(`<presence xmlns='jabber:client' from='x@muc.meet.shoal/bbbbbbbb'/>`);
    expect(room.handlePresence(stanza)).toEqual([]);
  });

  test('tells_a_message_from_a_private_one_and_from_a_change_of_the_room', () => {
    room.handlePresence(presence('bbbbbbbb', { inner: `<nick xmlns='${NS.nick}'>Bo</nick>` }));
    const message = (type: string, inner: string) =>
      parseXml(
        `<message xmlns='jabber:client' from='${ROOM}/bbbbbbbb' type='${type}'>${inner}</message>`,
      );
    expect(room.handleMessage(message('groupchat', '<body>hi</body>'), 9)[0]).toMatchObject({
      type: 'chat',
      message: { from: 'bbbbbbbb', name: 'Bo', text: 'hi', privateWith: null, at: 9 },
    });
    expect(room.handleMessage(message('chat', '<body>psst</body>'), 9)[0]).toMatchObject({
      message: { privateWith: 'bbbbbbbb' },
    });
    const changed = parseXml(
      `<message xmlns='jabber:client' from='${ROOM}' type='groupchat'><x xmlns='${NS.mucUser}'><status code='104'/></x></message>`,
    );
    expect(room.handleMessage(changed, 9)).toEqual([{ type: 'configuration-changed' }]);
  });

  const said = (inner: string, type = "type='groupchat'", from = `${ROOM}/bbbbbbbb`) =>
    parseXml(`<message xmlns='jabber:client' from='${from}' ${type}>${inner}</message>`);
  const delay = (stamp: string, from = ROOM) =>
    `<delay xmlns='urn:xmpp:delay' from='${from}' stamp='${stamp}'/>`;
  const SUBJECT = said('<subject/>', undefined, ROOM);
  const NOW = Date.parse('2026-06-01T12:00:00Z');
  const at = (stanza: ReturnType<typeof parseXml>) => {
    const [event] = room.handleMessage(stanza, NOW);
    return event?.type === 'chat' ? new Date(event.message.at).toISOString().slice(0, 10) : null;
  };

  test.each(['', "type='normal'", "type='headline'", "type='chat'"])(
    'a message to us alone is private whatever its type: %s',
    (type) => {
      expect(room.handleMessage(said('<body>psst</body>', type), 9)[0]).toMatchObject({
        message: { privateWith: 'bbbbbbbb', at: 9 },
      });
    },
  );

  test('the history has the dates that the room gives it', () => {
    expect(at(said(`<body>a</body>${delay('2026-05-30T10:00:00Z')}`))).toBe('2026-05-30');
    const forged = delay('2026-01-01T10:00:00Z') + delay('2026-05-31T10:00:00Z');
    expect(at(said(`<body>b</body>${forged}`))).toBe('2026-05-31');
  });

  test('nobody dates a message but the room, and nobody a message of now', () => {
    const wrong = delay('2026-01-01T10:00:00Z', `${ROOM}/bbbbbbbb`);
    expect(at(said(`<body>a</body>${wrong}`))).toBe('2026-06-01');
    expect(at(said(`<body>b</body>${delay('2030-01-01T10:00:00Z')}`))).toBe('2026-06-01');
    expect(at(said(`<body>c</body>${delay('2026-01-01T10:00:00Z')}`, "type='chat'"))).toBe(
      '2026-06-01',
    );
    room.handleMessage(SUBJECT, NOW);
    expect(at(said(`<body>d</body>${delay('2026-01-01T10:00:00Z')}`))).toBe('2026-06-01');
  });

  test('an occupant does not speak for the room', () => {
    const forged = said(`<x xmlns='${NS.mucUser}'><status code='104'/></x>`);
    expect(room.handleMessage(forged, NOW)).toEqual([]);
  });
});
