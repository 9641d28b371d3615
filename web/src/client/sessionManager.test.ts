import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Element } from '@xmpp/xml';
import type { LocalRole, ReceivedSource } from './mediaSession';
import { SessionManager } from './sessionManager';
import { FakePeerConnection, fakeTrack } from './testing/fakePeerConnection';
import { offerXml } from './testing/offer';
import { parseXml } from './testing/parseXml';

class SilentSocket extends EventTarget {
  readyState = 0;
  close(): void {
    this.readyState = 3;
  }
}

describe('the sessions with focus', () => {
  let asked: Element[];
  let refuse: string[];
  let tracks: Record<LocalRole, MediaStreamTrack | null>;
  let manager: SessionManager;
  let shown: ReadonlyMap<string, ReceivedSource>;
  let transport: string[];

  const offer = (sid: string, options = {}): Element =>
    parseXml(offerXml(options).replace('81ggqtsufoeo8', sid));
  const action = (name: string, sid: string, inner = ''): Element =>
    parseXml(`<jingle xmlns='urn:xmpp:jingle:1' action='${name}' sid='${sid}'>${inner}</jingle>`);
  const actions = (): string[] => asked.map((element) => element.attrs.action ?? element.name);
  const settle = async (milliseconds = 10): Promise<void> => {
    await vi.advanceTimersByTimeAsync(milliseconds);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    FakePeerConnection.all = [];
    vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
    vi.stubGlobal('WebSocket', SilentSocket);
    vi.stubGlobal('navigator', { userAgent: 'Chrome' });
    asked = [];
    refuse = [];
    transport = [];
    shown = new Map();
    tracks = { audio: fakeTrack('mic', 'audio'), camera: null, screen: null };
    manager = new SessionManager({
      endpointId: () => 'dba605c3',
      ownJid: () => 'me@meet.shoal/r',
      iceServers: () => [],
      codecs: () => ['vp8'],
      tracks: () => tracks,
      request: (payload) => {
        asked.push(payload);
        return refuse.includes(payload.attrs.action ?? '')
          ? Promise.reject(new Error('refused'))
          : Promise.resolve();
      },
    });
    manager.on('received', (received) => (shown = received));
    manager.on('transport', (state) => transport.push(state));
  });

  afterEach(() => {
    manager.close(false);
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('accept_an_offer_with_the_sources_that_have_a_track', async () => {
    manager.handleJingle(offer('s1'));
    await settle();
    expect(actions()).toEqual(['session-accept']);
    const text = asked[0]?.toString() ?? '';
    expect(text).toContain('name="dba605c3-a0"');
    expect(text).not.toContain('name="dba605c3-v0"');
  });

  test('answer_an_offer_once_that_comes_twice_and_refuse_one_that_cannot_be_read', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    expect(manager.handleJingle(offer('s1'))).toBe(true);
    expect(manager.handleJingle(offer('s1'))).toBe(true);
    expect(manager.handleJingle(action('session-initiate', 's2'))).toBe(false);
    await settle();
    expect(actions()).toEqual(['session-accept']);
    warn.mockRestore();
  });

  test('announce_a_camera_that_is_turned_on_later_and_only_once', async () => {
    manager.handleJingle(offer('s1'));
    await settle();
    await manager.setTrack('camera', fakeTrack('cam'));
    await manager.setTrack('camera', null);
    await manager.setTrack('camera', fakeTrack('cam2'));
    await settle();
    expect(actions()).toEqual(['session-accept', 'source-add']);
    expect(asked[1]?.toString()).toContain('name="dba605c3-v0"');
  });

  test('announce_a_camera_that_was_turned_on_while_there_was_no_way_to_focus', async () => {
    manager.handleJingle(offer('s1'));
    await settle();
    refuse = ['source-add'];
    await manager.setTrack('camera', fakeTrack('cam'));
    await settle(4000);
    refuse = [];
    await settle(4000);
    await settle(20_000);
    expect(actions()).toEqual(['session-accept', 'source-add', 'source-add', 'source-add']);
  });

  test('show_the_sources_that_are_signalled_and_drop_them_when_removed', async () => {
    manager.handleJingle(offer('s1', { rewriting: false }));
    await settle();
    expect([...shown.keys()]).toEqual(['a9ecf68b-v0', 'a9ecf68b-a0']);
    FakePeerConnection.all[0]?.become('connected');
    const json =
      '{"sources":{"a9ecf68b":[[{"s":5010,"n":"a9ecf68b-v0","m":"a b"}],[],[]]}}'.replaceAll(
        '"',
        '&quot;',
      );
    manager.handleJingle(
      action(
        'source-remove',
        's1',
        `<json-message xmlns='http://jitsi.org/jitmeet'>${json}</json-message>`,
      ),
    );
    await settle();
    expect([...shown.keys()]).toEqual(['a9ecf68b-a0']);
    expect(FakePeerConnection.all[0]?.remoteSdps.at(-1)).not.toContain('a=ssrc:5010');
  });

  describe('through a move', () => {
    const moving = '<reason><success/><text>moving</text></reason>';
    const options = { rewriting: false, data: true };
    const video = (): string | undefined => shown.get('a9ecf68b-v0')?.track.id;
    let first: FakePeerConnection;
    let second: FakePeerConnection;
    let flowing: ReturnType<typeof setInterval>[];

    /** A video begins to come, a frame every 50 ms. */
    const flow = (pc: FakePeerConnection): void => {
      let frames = 0;
      flowing.push(setInterval(() => pc.arrived.set('4', (frames += 1)), 50));
    };

    /** A call in which one video comes; its session ends, and another is there that has no media yet. */
    beforeEach(async () => {
      manager.handleJingle(offer('s1', options));
      await settle();
      first = FakePeerConnection.all[0]!;
      first.become('connected');
      first.data?.dispatchEvent(new Event('open'));
      flowing = [];
      flow(first);
      await settle(200);
      manager.handleJingle(action('session-terminate', 's1', moving));
      await settle(200);
      manager.handleJingle(offer('s2', options));
      await settle(200);
      second = FakePeerConnection.all[1]!;
    });

    afterEach(() => {
      for (const timer of flowing) clearInterval(timer);
    });

    test('show_the_old_session_until_the_new_one_has_media', async () => {
      expect(video()).toBe('pc1-4');
      second.become('connected');
      await settle(200);
      expect(video()).toBe('pc1-4');
      flow(second);
      await settle(200);
      expect(video()).toBe('pc1-4');
      await settle(300);
      expect(video()).toBe('pc2-4');
    });

    test('receive_no_more_then_and_send_until_the_bridge_ends_the_old_session', async () => {
      second.become('connected');
      flow(second);
      await settle(500);
      expect(first.data?.sent.map((text) => JSON.parse(text) as unknown)).toEqual([
        expect.objectContaining({ colibriClass: 'ReceiverVideoConstraints', lastN: 0 }),
      ]);
      await settle(2000);
      expect(first.connectionState).toBe('connected');
      first.data?.dispatchEvent(new Event('close'));
      await settle(200);
      expect(first.connectionState).toBe('closed');
      expect(video()).toBe('pc2-4');
    });

    test('give_up_the_old_session_after_a_time', async () => {
      await settle(7000);
      expect(first.connectionState).toBe('connected');
      await settle(1000);
      expect(first.connectionState).toBe('closed');
    });

    test('take_what_the_new_session_brings_when_nothing_comes_over_the_old_one', async () => {
      for (const timer of flowing) clearInterval(timer);
      await settle(1500);
      expect(video()).toBe('pc2-4');
    });

    test('mute_for_those_who_still_receive_from_the_old_session_too', async () => {
      const muted = manager.setTrack('audio', null);
      await settle();
      await muted;
      const senders = [first, second].map((pc) => pc.transceivers[0]?.sender.track);
      expect(senders).toEqual([null, null]);
    });

    test('stay_with_the_session_that_has_media_when_it_goes_on_to_a_third', async () => {
      manager.handleJingle(action('session-terminate', 's2', moving));
      expect(second.connectionState).toBe('closed');
      manager.handleJingle(offer('s3', options));
      await settle(200);
      expect(first.connectionState).toBe('connected');
      expect(video()).toBe('pc1-4');
      const third = FakePeerConnection.all[2]!;
      third.become('connected');
      flow(third);
      await settle(500);
      expect(video()).toBe('pc3-4');
    });
  });

  test('end_when_focus_ends_them_for_good', async () => {
    manager.handleJingle(offer('s1', { rewriting: false }));
    await settle();
    manager.handleJingle(action('session-terminate', 's1', '<reason><expired/></reason>'));
    expect(shown.size).toBe(0);
    expect(FakePeerConnection.all[0]?.connectionState).toBe('closed');
  });

  test('refuse_what_is_about_another_session', async () => {
    manager.handleJingle(offer('s1'));
    await settle();
    expect(manager.handleJingle(action('source-add', 'other'))).toBe(false);
    expect(manager.handleJingle(action('source-add', 's1'))).toBe(true);
  });

  test('restart_ice_in_place_when_it_fails_and_leave_it_at_that_when_it_helps', async () => {
    manager.handleJingle(offer('s1'));
    await settle();
    const [pc] = FakePeerConnection.all;
    pc?.become('failed');
    await settle();
    expect(actions()).toEqual(['session-accept', 'session-info']);
    expect(transport).toEqual(['interrupted']);
    manager.handleJingle(
      action(
        'transport-info',
        's1',
        "<content name='audio' creator='initiator'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='new' pwd='newpwd' ice-generation='1'/></content>",
      ),
    );
    await settle();
    expect(pc?.remoteSdps.at(-1)).toContain('a=ice-ufrag:new');
    expect(asked.at(-1)?.toString()).toContain('ice-generation="1"');
    pc?.become('connected');
    await settle(20_000);
    expect(actions()).not.toContain('session-terminate');
  });

  test('ask_for_a_new_session_where_a_restart_is_not_to_be_had', async () => {
    refuse = ['session-info'];
    manager.handleJingle(offer('s1'));
    await settle();
    FakePeerConnection.all[0]?.become('failed');
    await settle();
    expect(actions()).toEqual(['session-accept', 'session-info', 'session-terminate']);
    expect(asked[2]?.toString()).toContain('restart="true"');
  });

  test('keep_asking_while_focus_says_no', async () => {
    refuse = ['session-info', 'session-terminate'];
    manager.handleJingle(offer('s1'));
    await settle();
    FakePeerConnection.all[0]?.become('failed');
    await settle(20_000);
    expect(actions().filter((name) => name === 'session-terminate').length).toBeGreaterThan(2);
  });

  const withoutSocket = (sid: string): Element =>
    parseXml(
      offerXml({ data: true })
        .replace('81ggqtsufoeo8', sid)
        .replaceAll(/<web-socket [^>]*\/>/g, ''),
    );
  const terminations = (): number =>
    actions().filter((name) => name === 'session-terminate').length;

  test('ask_for_a_new_session_when_the_channel_is_lost_and_there_is_no_other_way', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    manager.handleJingle(withoutSocket('s1'));
    await settle();
    const [pc] = FakePeerConnection.all;
    pc?.become('connected');
    pc?.data?.dispatchEvent(new Event('open'));
    pc?.data?.dispatchEvent(new Event('close'));
    await settle(2_000);
    expect(asked.at(-1)?.toString()).toContain('restart="true"');
    expect(terminations()).toBe(1);
    expect(warn).toHaveBeenCalledOnce();
    // The next one's channel is lost at once as well: with more and more patience.
    manager.handleJingle(withoutSocket('s2'));
    await settle();
    FakePeerConnection.all[1]?.data?.dispatchEvent(new Event('close'));
    await settle(1_900);
    expect(terminations()).toBe(1);
    await settle(2_200);
    expect(terminations()).toBe(2);
    warn.mockRestore();
  });

  test('leave_it_to_focus_to_replace_a_session_whose_bridge_ends', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    manager.handleJingle(withoutSocket('s1'));
    await settle();
    FakePeerConnection.all[0]?.data?.dispatchEvent(new Event('close'));
    await settle(500);
    manager.handleJingle(withoutSocket('s2'));
    await settle(20_000);
    expect(terminations()).toBe(0);
    warn.mockRestore();
  });
});
