import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Conference } from './conference';
import { parseConfig } from './config';
import { NS } from './ns';
import { FakePeerConnection, fakeTrack } from './testing/fakePeerConnection';
import { offerXml } from './testing/offer';
import { ServerSocket } from './testing/serverSocket';

const ROOM = 'r@muc.meet.shoal';
const FOCUS = 'focus@auth.meet.shoal/f';

class BridgeSocket extends EventTarget {
  static all: BridgeSocket[] = [];
  readyState = 1;
  sent: Record<string, unknown>[] = [];
  constructor(readonly url: string) {
    super();
    BridgeSocket.all.push(this);
    setTimeout(() => this.dispatchEvent(new Event('open')), 1);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  say(message: object): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(message) }));
  }
  close(): void {
    this.readyState = 3;
  }
}

function presence(nick: string, jid: string, inner = '', type = '', codes = ''): string {
  const standing = nick === server.moderator ? 'owner' : 'none';
  return `<presence xmlns='jabber:client' from='${ROOM}/${nick}'${type}>${inner}<x xmlns='${NS.mucUser}'><item affiliation='${standing}' role='participant' jid='${jid}'/>${codes}</x></presence>`;
}

/** A room with focus and Bo in it; `password` where it is locked. */
function serveRoom(text: string, socket: ServerSocket): void {
  const id = /id="([^"]+)"/.exec(text)?.[1] ?? '';
  if (text.includes(NS.focus) && text.includes('<conference')) {
    if (server.focusIsDown) {
      socket.say(
        `<iq xmlns='jabber:client' type='error' id='${id}'><error type='cancel'><service-unavailable xmlns='${NS.stanzaErrors}'/></error></iq>`,
      );
      return;
    }
    socket.say(
      `<iq xmlns='jabber:client' type='result' id='${id}'><conference xmlns='${NS.focus}' ready='true' focusjid='focus@auth.meet.shoal'/></iq>`,
    );
  } else if (text.startsWith('<iq')) {
    const locked = server.password ? "<feature var='muc_passwordprotected'/>" : '';
    const info = `<query xmlns='${NS.discoInfo}'>${locked}</query>`;
    const content = text.includes(NS.discoInfo) ? info : '';
    socket.say(`<iq xmlns='jabber:client' type='result' id='${id}'>${content}</iq>`);
  } else if (text.includes(`"${NS.muc}"`)) {
    const nick = /to="[^/"]+\/([^"]+)"/.exec(text)?.[1] ?? '';
    if (server.password && !text.includes(`<password>${server.password}<`)) {
      socket.say(
        `<presence xmlns='jabber:client' type='error' from='${ROOM}/${nick}'><error type='auth'><not-authorized xmlns='${NS.stanzaErrors}'/></error></presence>`,
      );
      return;
    }
    if (server.refusals > 0) {
      server.refusals -= 1;
      socket.say(
        `<presence xmlns='jabber:client' type='error' from='${ROOM}/${nick}'><error type='cancel'><item-not-found xmlns='${NS.stanzaErrors}'/></error></presence>`,
      );
      return;
    }
    socket.say(presence('focus', FOCUS));
    if (server.hasBo)
      socket.say(presence('b0b0b0b0', 'bo@x/y', `<nick xmlns='${NS.nick}'>Bo</nick>`));
    socket.say(presence(nick, 'me@x/y', '', '', "<status code='110'/>"));
  }
}

const server = { password: '', refusals: 0, hasBo: true, moderator: '', focusIsDown: false };

describe('a conference', () => {
  let conference: Conference;
  let log: string[];

  const socket = (): ServerSocket => ServerSocket.all.at(-1)!;
  const settle = (milliseconds = 300): Promise<unknown> =>
    vi.advanceTimersByTimeAsync(milliseconds);
  const offered = (sid = 's1'): string =>
    `<iq xmlns='jabber:client' type='set' id='j-${sid}' from='${ROOM}/focus'>${offerXml().replace('81ggqtsufoeo8', sid)}</iq>`;

  beforeEach(() => {
    vi.useFakeTimers();
    Object.assign(server, {
      password: '',
      refusals: 0,
      hasBo: true,
      moderator: '',
      focusIsDown: false,
    });
    ServerSocket.all = [];
    ServerSocket.resumes = true;
    ServerSocket.onStanza = serveRoom;
    ServerSocket.jid = (login) => `0000000${login}-x@meet.shoal/r`;
    BridgeSocket.all = [];
    FakePeerConnection.all = [];
    // The real one answers outside of the fake time.
    vi.spyOn(crypto.subtle, 'digest').mockResolvedValue(new ArrayBuffer(20));
    vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
    vi.stubGlobal('navigator', { userAgent: 'Chrome' });
    vi.stubGlobal(
      'WebSocket',
      Object.assign(
        function open(url: string) {
          return url.includes('colibri-ws') ? new BridgeSocket(url) : new ServerSocket(url);
        },
        { OPEN: 1 },
      ),
    );
    const settings = parseConfig(
      { domain: 'meet.shoal', muc: 'muc.meet.shoal', websocketUrl: 'ws://localhost/ws' },
      new URL('http://localhost/'),
    );
    conference = new Conference(settings, { tenant: '', room: 'r' }, 'Ada');
    log = [];
    conference.on('phase', (phase) => log.push(phase));
    conference.on('ended', ({ reason }) => log.push(`ended ${reason}`));
    conference.on('passwordWrong', () => log.push('wrong'));
    conference.on('mutedBy', ({ kind, actor }) => log.push(`muted ${kind} by ${actor}`));
    conference.on('participants', (people) =>
      log.push(people.map((person) => person.name || 'me').join('+')),
    );
    conference.join();
  });

  afterEach(async () => {
    const left = conference.leave();
    await settle(20_000);
    await left;
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  test('is_joined_after_focus_has_been_asked', async () => {
    await settle();
    expect(log).toEqual(['connecting', 'joining', 'joined', 'Bo+me']);
    expect(conference.localId).toBe('00000001');
    const request = socket().received.find((text) => text.includes('<conference'));
    expect(request).toContain(`room="${ROOM}"`);
    expect(request).toContain('to="focus.meet.shoal"');
  });

  test('asks_for_the_password_until_it_is_right', async () => {
    server.password = 'herring';
    await settle();
    expect(log.at(-1)).toBe('password');
    conference.joinWithPassword('cod');
    await settle();
    expect(log.slice(-3)).toEqual(['joining', 'wrong', 'password']);
    conference.joinWithPassword('herring');
    await settle();
    expect(log).toContain('joined');
  });

  test('accepts_a_session_of_focus_and_of_nobody_else', async () => {
    await settle();
    socket().say(offered().replace('/focus', '/b0b0b0b0'));
    await settle();
    expect(FakePeerConnection.all).toHaveLength(0);
    expect(socket().received.some((text) => text.includes('service-unavailable'))).toBe(true);
    socket().say(offered());
    await settle();
    expect(socket().received.some((text) => text.includes('session-accept'))).toBe(true);
  });

  test('tells_the_bridge_what_is_shown_and_again_after_the_channel_was_lost', async () => {
    await settle();
    await conference.setDevice('camera', fakeTrack('cam'), false);
    socket().say(offered());
    await settle();
    conference.setShown([{ name: 'b0b0b0b0-v0', height: 300, onStage: false }], -1);
    await settle();
    const first = BridgeSocket.all[0]!;
    expect(first.sent).toContainEqual({
      colibriClass: 'SourceVideoTypeMessage',
      sourceName: '00000001-v0',
      videoType: 'camera',
    });
    expect(first.sent.at(-1)).toMatchObject({
      colibriClass: 'ReceiverVideoConstraints',
      constraints: { 'b0b0b0b0-v0': { maxHeight: 360 } },
    });
    first.readyState = 3;
    first.dispatchEvent(new Event('close'));
    await settle(2000);
    expect(BridgeSocket.all[1]?.sent.at(-1)).toMatchObject({
      constraints: { 'b0b0b0b0-v0': { maxHeight: 360 } },
    });
  });

  test('asks_for_the_conference_again_until_a_focus_is_back_when_focus_has_left', async () => {
    await settle();
    socket().say(offered());
    await settle();
    const requests = (): number =>
      socket().received.filter((text) => text.includes('<conference')).length;
    expect(requests()).toBe(1);
    // Focus crashes, and the one that comes later has to be told of the conference.
    server.focusIsDown = true;
    socket().say(presence('focus', FOCUS, '', " type='unavailable'"));
    await settle(30_000);
    const asked = requests();
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(40);
    server.focusIsDown = false;
    await settle(5_000);
    expect(requests()).toBeGreaterThan(asked);
    // It is there and invites everybody.
    socket().say(presence('focus', 'focus@auth.meet.shoal/g'));
    socket().say(offered('s2'));
    await settle();
    const answered = requests();
    expect(
      socket().received.some((text) => text.includes('session-accept') && text.includes('s2')),
    ).toBe(true);
    await settle(60_000);
    expect(requests()).toBe(answered);
    expect(log.filter((line) => line.startsWith('ended'))).toEqual([]);
  });

  test('does_not_ask_when_the_next_focus_is_there_at_once', async () => {
    await settle();
    socket().say(presence('focus', FOCUS, '', " type='unavailable'"));
    socket().say(presence('focus', 'focus@auth.meet.shoal/g'));
    await settle(60_000);
    expect(socket().received.filter((text) => text.includes('<conference'))).toHaveLength(1);
  });

  test('gives_a_track_to_the_person_that_the_bridge_names', async () => {
    await settle();
    let owners: string[] = [];
    conference.on('received', (received) => {
      owners = [...received.values()].map(({ owner, track }) => `${owner} ${track.id}`);
    });
    socket().say(offered());
    await settle();
    const map = (owner: string): object => ({
      colibriClass: 'VideoSourcesMap',
      mappedSources: [{ source: `${owner}-v0`, owner, ssrc: 77, rtx: 78, videoType: 'CAMERA' }],
    });
    BridgeSocket.all[0]!.say(map('b0b0b0b0'));
    await settle();
    expect(owners).toEqual(['b0b0b0b0 pc1-3']);
    FakePeerConnection.all[0]!.become('connected');
    BridgeSocket.all[0]!.say(map('c0c0c0c0'));
    await settle();
    expect(owners).toEqual(['c0c0c0c0 pc1-3']);
  });

  test('is_muted_by_focus_and_by_nobody_else', async () => {
    await settle();
    const mute = (from: string): string =>
      `<iq xmlns='jabber:client' type='set' id='m' from='${ROOM}/${from}'><mute xmlns='${NS.audioMute}' actor='${ROOM}/b0b0b0b0'>true</mute></iq>`;
    socket().say(mute('b0b0b0b0'));
    await settle();
    expect(log).not.toContain('muted audio by b0b0b0b0');
    socket().say(mute('focus'));
    await settle();
    expect(log).toContain('muted audio by b0b0b0b0');
  });

  test('walks_in_again_when_the_server_has_forgotten_it', async () => {
    await settle();
    ServerSocket.resumes = false;
    socket().cut();
    await settle(4000);
    expect(log.slice(-3)).toEqual(['joining', 'joined', 'Bo+me']);
    expect(conference.localId).toBe('00000002');
  });

  /** The server is gone and comes back without any memory. */
  const restart = (): void => {
    ServerSocket.resumes = false;
    socket().cut();
  };

  test('keeps_the_others_in_sight_while_they_come_back_into_an_empty_room', async () => {
    const left: string[] = [];
    conference.on('joinedParticipant', ({ name }) => left.push(`${name} came`));
    conference.on('leftParticipant', ({ name }) => left.push(`${name} left`));
    await settle();
    server.hasBo = false;
    restart();
    await settle(1500);
    expect(log.slice(-2)).toEqual(['joining', 'joined']);
    socket().say(presence('c1c1c1c1', 'bo@x/z', `<nick xmlns='${NS.nick}'>Bo</nick>`));
    await settle();
    expect(log.at(-1)).toBe('me+Bo');
    expect(left).toEqual([]);
  });

  test('does_not_wait_for_ever_for_those_who_do_not_come_back', async () => {
    await settle();
    server.hasBo = false;
    restart();
    await settle(7000);
    expect(log.slice(-2)).toEqual(['joined', 'me']);
  });

  test('is_never_thrown_out_by_a_room_that_is_not_there_yet', async () => {
    await settle();
    server.refusals = 5;
    restart();
    await settle(20_000);
    expect(log.filter((entry) => entry.startsWith('ended'))).toEqual([]);
    expect(log.at(-1)).toBe('Bo+me');
    expect(server.refusals).toBe(0);
  });

  test('gives_up_a_room_that_refuses_it_the_first_time', async () => {
    server.refusals = 1;
    await settle();
    expect(log.slice(-2)).toEqual(['ended', 'ended refused']);
  });

  test('says_again_what_was_lost_and_shows_nothing_twice', async () => {
    const read: string[] = [];
    conference.on('chat', ({ text }) => read.push(text));
    await settle();
    conference.sendChat('heard', null);
    conference.sendChat('lost', null);
    await settle();
    const said = socket().received.filter((text) => text.includes('groupchat'));
    const idOf = (text: string): string => / id="([^"]+)"/.exec(text)![1]!;
    const shown = (id: string, text: string, more = ''): string =>
      `<message xmlns='jabber:client' type='groupchat' id='${id}' from='${ROOM}/b0b0b0b0'><body>${text}</body>${more}</message>`;
    socket().say(shown(idOf(said[0]!), 'heard'));
    restart();
    await settle(4000);
    const again = socket().received.filter((text) => text.includes('groupchat'));
    expect(again.map((text) => text.includes('lost'))).toEqual([true]);
    expect(idOf(again[0]!)).toBe(idOf(said[1]!));
    const delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
    socket().say(shown(idOf(said[0]!), 'heard', delay));
    socket().say(shown('other', 'missed', delay));
    await settle();
    expect(read).toEqual(['heard', 'missed']);
  });

  test('locks_a_room_again_that_was_locked_and_lost', async () => {
    server.password = 'herring';
    await settle();
    conference.joinWithPassword('herring');
    await settle();
    const forms = (): string[] =>
      socket().received.filter((text) => text.includes('muc#roomconfig_roomsecret'));
    server.password = '';
    restart();
    await settle(4000);
    expect(log.at(-1)).toBe('Bo+me');
    expect(forms()).toEqual([]);
    server.moderator = '00000002';
    socket().say(presence('00000002', 'me@x/y', '', '', "<status code='110'/>"));
    await settle();
    expect(forms()).toHaveLength(1);
    expect(forms()[0]).toContain('<value>herring</value>');
    socket().say(presence('00000002', 'me@x/y', '', '', "<status code='110'/>"));
    await settle();
    expect(forms()).toHaveLength(1);
  });

  test('does_not_lock_a_room_again_that_was_opened_before_it_was_lost', async () => {
    server.password = 'herring';
    await settle();
    conference.joinWithPassword('herring');
    await settle();
    server.password = '';
    const codes = `<x xmlns='${NS.mucUser}'><status code='104'/></x>`;
    socket().say(
      `<message xmlns='jabber:client' type='groupchat' from='${ROOM}'>${codes}</message>`,
    );
    await settle();
    server.moderator = '00000002';
    restart();
    await settle(4000);
    expect(log.at(-1)).toBe('Bo+me');
    expect(socket().received.some((text) => text.includes('roomconfig'))).toBe(false);
  });

  test('gives_the_room_back_what_it_was_let_keep_of_it_last', async () => {
    await settle();
    const joins = (): string[] =>
      socket().received.filter(
        (text) => text.includes(`"${NS.muc}"`) && text.includes('<presence'),
      );
    const keep = (from: string, sealed: string): void =>
      socket().say(
        `<message xmlns='jabber:client' from='${from}'><memory xmlns='${NS.roomMemory}'>${sealed}</memory></message>`,
      );
    expect(joins()[0]).toContain(`<memory xmlns="${NS.roomMemory}"/>`);
    keep(ROOM, 'first');
    keep(ROOM, 'second');
    keep(`${ROOM}/b0b0b0b0`, 'forged');
    keep('other@muc.meet.shoal', 'foreign');
    restart();
    await settle(4000);
    expect(log.at(-1)).toBe('Bo+me');
    expect(joins()).toHaveLength(1);
    expect(joins()[0]).toContain(`<memory xmlns="${NS.roomMemory}">second</memory>`);
    conference.raiseHand(true);
    await settle();
    expect(socket().received.at(-1)).not.toContain('memory');
  });

  test('ends_when_a_moderator_removes_us', async () => {
    await settle();
    const codes = "<status code='307'/><status code='110'/>";
    socket().say(presence('00000001', 'me@x/y', '', " type='unavailable'", codes));
    await settle();
    expect(log.slice(-2)).toEqual(['ended', 'ended kicked']);
  });

  test('tells_the_room_what_is_muted_and_whose_hand_is_up', async () => {
    await settle();
    await conference.setDevice('audio', fakeTrack('mic', 'audio'), false);
    conference.raiseHand(true);
    await settle();
    const last = socket()
      .received.filter((text) => text.startsWith('<presence'))
      .at(-1)!;
    expect(last).toContain('{"00000001-a0":{"muted":false}');
    expect(last).toMatch(/<jitsi_participant_raisedHand>\d+</);
  });
});
