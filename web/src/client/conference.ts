import xml, { type Element } from '@xmpp/xml';
import type { BridgeMessage } from './bridgeChannel';
import { discoInfo } from './caps';
import { buildChat, Unsent } from './chat';
import type { Codec } from './codecs';
import type { Settings } from './config';
import { Connection } from './connection';
import { receiverConstraints, type ShownSource } from './constraints';
import { Emitter } from './emitter';
import { Entrance, randomEndpointId } from './entrance';
import { Gathering } from './gathering';
import { iceServersFrom } from './iceServers';
import { sourceName, type LocalRole, type ReceivedSource } from './mediaSession';
import {
  buildGrantOwner,
  buildKick,
  buildMute,
  buildPasswordForm,
  MUTE_NS,
  type Mutable,
} from './moderation';
import { NS } from './ns';
import { buildPresence, resourceOf, type OwnPresence } from './presence';
import { roomAddress, withPlace, type Place } from './roomName';
import {
  RoomState,
  type ChatMessage,
  type Participant,
  type RemovalReason,
  type RoomEvent,
} from './roomState';
import { SessionManager } from './sessionManager';
import { digestStats, type SessionStats } from './stats';

export type Phase = 'connecting' | 'joining' | 'password' | 'joined' | 'ended';

export type EndReason = RemovalReason | 'left' | 'unreachable' | 'refused' | 'full';

interface ConferenceEvents {
  phase: Phase;
  ended: { reason: EndReason; detail: string | null };
  /** The signalling socket is away (true) or back. */
  signalling: { lost: boolean };
  /** The path to the bridge is away (true) or back. */
  media: { lost: boolean };
  participants: readonly Participant[];
  joinedParticipant: Participant;
  leftParticipant: Participant;
  received: ReadonlyMap<string, ReceivedSource>;
  dominantSpeaker: string | null;
  inactive: ReadonlySet<string>;
  chat: ChatMessage;
  /** A moderator has turned off one of our devices. */
  mutedBy: { kind: Mutable; actor: string };
  startMuted: { audio: boolean; video: boolean };
  locked: boolean;
  /** Focus finds no bridge to carry sound and picture. */
  bridgeMissing: boolean;
  passwordWrong: undefined;
}

interface LocalDevice {
  track: MediaStreamTrack | null;
  muted: boolean;
}

/** A meeting from joining to leaving: the one object that the page talks to. */
export class Conference extends Emitter<ConferenceEvents> {
  readonly #connection: Connection;
  readonly #sessions: SessionManager;
  readonly #entrance: Entrance;
  readonly #roomJid: string;
  readonly #gathering = new Gathering();
  readonly #unsent = new Unsent();
  readonly #knownMessages = new Set<string>();
  readonly #devices: Record<LocalRole, LocalDevice> = {
    audio: { track: null, muted: true },
    camera: { track: null, muted: true },
    screen: { track: null, muted: true },
  };
  #room: RoomState | null = null;
  #phase: Phase = 'connecting';
  #iceServers: RTCIceServer[] = [];
  #capsVersion = '';
  #name: string;
  #password: string | null = null;
  #raisedHandAt = 0;
  #codecs: readonly Codec[];
  #shown: readonly ShownSource[] = [];
  #maxHeight = -1;
  #constraintsTimer: ReturnType<typeof setTimeout> | undefined;
  #lastConstraints = '';
  #inactive = new Set<string>();
  #startMutedSeen = false;
  /** What the room lets us keep of it, sealed: a server that has lost it learns its locks and our rights from that. */
  #memory: string | null = null;
  /** The room was locked and is lost: the new one is to be locked as well. */
  #relock = false;

  constructor(
    private readonly settings: Settings,
    place: Place,
    name: string,
  ) {
    super();
    this.#name = name;
    this.#codecs = settings.codecs;
    this.#roomJid = roomAddress(place, settings.muc, settings.domain);
    const here = (address: string | null) => address && withPlace(address, place);
    this.#connection = new Connection({
      domain: settings.domain,
      websocketUrl: withPlace(settings.websocketUrl, place),
      keepAliveUrl: here(settings.keepAliveUrl),
      token: settings.token,
    });
    this.#entrance = new Entrance({
      connection: this.#connection,
      settings: { ...settings, conferenceRequestUrl: here(settings.conferenceRequestUrl) },
      room: this.#roomJid,
      services: (services) => (this.#iceServers = iceServersFrom(services)),
      open: ({ nick, focusJid, capsVersion }) => {
        this.#capsVersion = capsVersion;
        this.#walkIn(nick, focusJid);
      },
      isAnswered: () => this.#phase !== 'joining',
      failed: (reason, detail) => {
        this.#end(reason, detail);
        void this.#connection.stop();
      },
    });
    this.#sessions = new SessionManager({
      endpointId: () => this.#room?.nick ?? '',
      ownJid: () => this.#connection.jid,
      iceServers: () => this.#iceServers,
      codecs: () => this.#codecs,
      tracks: () => ({
        audio: this.#devices.audio.track,
        camera: this.#devices.camera.track,
        screen: this.#devices.screen.track,
      }),
      request: (payload) => this.#askFocus(payload),
    });
    this.#wireConnection();
    this.#wireSessions();
  }

  join(): void {
    this.#setPhase('connecting');
    this.#connection.connect();
  }

  /** The answer to the `password` phase. */
  joinWithPassword(password: string): void {
    if (this.#phase !== 'password') return;
    this.#password = password;
    this.#setPhase('joining');
    this.#sendPresence(true);
  }

  async leave(): Promise<void> {
    if (this.#phase === 'ended') return;
    this.#entrance.stop();
    const occupant = this.#occupant();
    this.#sessions.close(this.#connection.isOnline && this.#phase === 'joined');
    if (occupant) this.#connection.send(xml('presence', { to: occupant, type: 'unavailable' }));
    this.#end('left', null);
    await this.#connection.stop();
  }

  get localId(): string {
    return this.#room?.nick ?? '';
  }

  get sendCodec(): Codec | null {
    return this.#sessions.current?.codec ?? null;
  }

  participants(): Participant[] {
    return [...(this.#room?.participants.values() ?? [])];
  }

  setName(name: string): void {
    this.#name = name;
    this.#sendPresence();
  }

  /** A device's track (null: closed) and whether others are told that it is muted. */
  async setDevice(role: LocalRole, track: MediaStreamTrack | null, muted: boolean): Promise<void> {
    this.#devices[role] = { track, muted };
    this.#sendPresence();
    if (role !== 'audio') this.#sendVideoType(role);
    await this.#sessions.setTrack(role, track);
  }

  raiseHand(raised: boolean): void {
    this.#raisedHandAt = raised ? Date.now() : 0;
    this.#sendPresence();
  }

  sendChat(text: string, to: string | null): void {
    const message = { id: crypto.randomUUID(), text };
    if (to === null) {
      this.#unsent.said(message);
      this.#connection.send(buildChat(this.#roomJid, 'groupchat', message, this.#name));
      return;
    }
    this.#connection.send(buildChat(`${this.#roomJid}/${to}`, 'chat', message, this.#name));
    // A private message does not come back from the room.
    this.emit('chat', {
      ...message,
      stanzaId: message.id,
      from: this.localId,
      name: this.#name,
      privateWith: to,
      isLocal: true,
      at: Date.now(),
    });
  }

  async muteOther(id: string, kind: Mutable): Promise<void> {
    await this.#askFocus(buildMute(kind, `${this.#roomJid}/${id}`));
  }

  async kick(id: string): Promise<void> {
    await this.#connection.request('set', this.#roomJid, buildKick(id, ''));
  }

  async makeModerator(id: string): Promise<void> {
    const jid = this.#room?.participants.get(id)?.realJid;
    if (jid) await this.#connection.request('set', this.#roomJid, buildGrantOwner(jid));
  }

  /** Sets the room's password; an empty one opens the room. */
  async setRoomPassword(password: string): Promise<void> {
    await this.#connection.request('set', this.#roomJid, buildPasswordForm(password));
    this.#password = password || null;
  }

  /** What the page shows now, and the person's limit on the height received (-1: none). */
  setShown(shown: readonly ShownSource[], maxHeight: number): void {
    this.#shown = shown;
    this.#maxHeight = maxHeight;
    clearTimeout(this.#constraintsTimer);
    this.#constraintsTimer = setTimeout(() => this.#sendConstraints(false), 150);
  }

  /** Prefers `codec` for sending, from now on. */
  async preferCodec(codec: Codec): Promise<void> {
    this.#codecs = [codec, ...this.#codecs.filter((other) => other !== codec)];
    await this.#sessions.current?.setCodecs(this.#codecs);
  }

  async stats(): Promise<SessionStats | null> {
    const session = this.#sessions.current;
    return session ? digestStats(session) : null;
  }

  #wireConnection(): void {
    const connection = this.#connection;
    connection.on('online', ({ jid }) => this.#enter(jid));
    connection.on('resumed', () => this.emit('signalling', { lost: false }));
    connection.on('interrupted', () => this.emit('signalling', { lost: true }));
    connection.on('failed', ({ reason }) => this.#end('unreachable', reason));
    connection.on('presence', (stanza) => {
      for (const event of this.#room?.handlePresence(stanza) ?? []) this.#roomEvent(event);
    });
    connection.on('message', (stanza) => {
      for (const event of this.#room?.handleMessage(stanza, Date.now()) ?? []) {
        this.#roomEvent(event);
      }
    });
    connection.handleIq('get', NS.discoInfo, 'query', (query) => discoInfo(query.attrs.node));
    connection.handleIq('get', NS.ping, 'ping', () => true);
    connection.handleIq('set', NS.jingle, 'jingle', (jingle, from) => {
      if (from !== this.#room?.focusOccupant) return undefined;
      if (this.#sessions.handleJingle(jingle)) return true;
      return xml('error', { type: 'cancel' }, xml('item-not-found', { xmlns: NS.stanzaErrors }));
    });
    for (const kind of ['audio', 'video', 'desktop'] as const) {
      connection.handleIq('set', MUTE_NS[kind], 'mute', (mute, from) => {
        if (from !== this.#room?.focusOccupant) return undefined;
        if (mute.text() !== 'false') {
          this.emit('mutedBy', { kind, actor: resourceOf(mute.attrs.actor ?? '') });
        }
        return true;
      });
    }
  }

  #wireSessions(): void {
    const sessions = this.#sessions;
    sessions.on('received', (received) => this.emit('received', received));
    sessions.on('transport', (state) => this.emit('media', { lost: state === 'interrupted' }));
    sessions.on('channelOpen', () => {
      this.#sendVideoType('camera');
      if (this.#devices.screen.track) this.#sendVideoType('screen');
      this.#sendConstraints(true);
    });
    sessions.on('message', (message) => this.#bridgeMessage(message));
    sessions.on('startMuted', (startMuted) => {
      if (this.#startMutedSeen) return;
      this.#startMutedSeen = true;
      if (startMuted.audio || startMuted.video) this.emit('startMuted', startMuted);
    });
  }

  /** A new XMPP session: nothing of an earlier one is left on the server. */
  #enter(jid: string): void {
    if (this.#room?.joined) {
      this.#gathering.begin(this.participants());
      this.#relock = this.#password !== null;
    }
    this.#room = null;
    this.#setPhase('joining');
    void this.#entrance.enter(jid);
  }

  #walkIn(nick: string, focusJid: string): void {
    this.#room = new RoomState(this.#roomJid, nick, focusJid, this.#knownMessages);
    this.#sendPresence(true);
  }

  #roomEvent(event: RoomEvent): void {
    switch (event.type) {
      case 'joined':
        this.#setPhase('joined');
        this.#joined();
        break;
      case 'refused':
        this.#refused(event.condition);
        break;
      case 'participant-joined':
        if (this.#room?.joined && !this.#gathering.isReturn(event.participant.name, Date.now())) {
          this.emit('joinedParticipant', event.participant);
        }
        this.#publishParticipants();
        break;
      case 'participant-changed':
        this.#publishParticipants();
        void this.#lockAgain();
        break;
      case 'participant-left':
        this.#inactive.delete(event.participant.id);
        this.#sessions.removeOwner(event.participant.id);
        this.#publishParticipants();
        this.emit('leftParticipant', event.participant);
        break;
      case 'removed':
        this.#sessions.close(false);
        this.#end(event.reason, event.text ?? event.actor);
        void this.#connection.stop();
        break;
      case 'configuration-changed':
        void this.#readConfiguration();
        break;
      case 'memory':
        this.#memory = event.sealed;
        break;
      case 'chat':
        this.#unsent.shown(event.message.stanzaId);
        this.emit('chat', event.message);
        break;
      case 'focus-present':
        this.#entrance.focusCame();
        this.emit('bridgeMissing', event.bridgeMissing);
        break;
      case 'focus-left':
        if (this.#room?.joined) this.#entrance.focusLeft();
        break;
    }
  }

  #joined(): void {
    this.#entrance.entered();
    this.#gathering.enter(Date.now());
    this.#inactive.clear();
    this.emit('inactive', new Set());
    this.emit('signalling', { lost: false });
    for (const message of this.#unsent.waiting()) {
      this.#connection.send(buildChat(this.#roomJid, 'groupchat', message, this.#name));
    }
    this.#publishParticipants();
    const now = Date.now();
    if (this.#gathering.isWaiting(this.participants(), now)) {
      setTimeout(() => this.#publishParticipants(), this.#gathering.patience(now));
    }
    void this.#readConfiguration();
  }

  #refused(condition: string): void {
    if (condition === 'not-authorized') {
      if (this.#password !== null) this.emit('passwordWrong', undefined);
      this.#password = null;
      this.#setPhase('password');
      return;
    }
    if (condition === 'conflict' && this.#room) {
      // Our own ghost of an earlier session still has the name.
      this.#walkIn(randomEndpointId(), this.#room.focusJid);
      return;
    }
    if (this.#entrance.refused(condition)) return;
    this.#end(condition === 'service-unavailable' ? 'full' : 'refused', condition);
    void this.#connection.stop();
  }

  #bridgeMessage(message: BridgeMessage): void {
    switch (message.colibriClass) {
      case 'DominantSpeakerEndpointChangeEvent':
        this.emit('dominantSpeaker', message.dominantSpeakerEndpoint || null);
        break;
      case 'EndpointConnectivityStatusChangeEvent':
        if (message.active === 'false') this.#inactive.add(message.endpoint);
        else this.#inactive.delete(message.endpoint);
        this.emit('inactive', new Set(this.#inactive));
        break;
    }
  }

  async #readConfiguration(): Promise<void> {
    const reply = await this.#connection
      .request('get', this.#roomJid, xml('query', { xmlns: NS.discoInfo }))
      .catch(() => null);
    const features = reply?.getChild('query', NS.discoInfo)?.getChildren('feature') ?? [];
    if (!reply) return;
    const locked = features.some((feature) => feature.attrs.var === 'muc_passwordprotected');
    if (locked) this.#relock = false;
    // Who opened the room has opened it for the next one as well.
    else if (!this.#relock) this.#password = null;
    this.emit('locked', locked);
    await this.#lockAgain();
  }

  /** A room that was locked and lost is locked again by whoever may. */
  async #lockAgain(): Promise<void> {
    const mayLock = this.#room?.participants.get(this.localId)?.isModerator === true;
    if (!this.#relock || !mayLock || this.#phase !== 'joined' || this.#password === null) return;
    this.#relock = false;
    await this.setRoomPassword(this.#password).catch(() => undefined);
  }

  #askFocus(payload: Element): Promise<Element> {
    const room = this.#room;
    if (!room) return Promise.reject(new Error('not in a room'));
    return this.#connection.request('set', room.focusOccupant, payload);
  }

  #occupant(): string | null {
    return this.#room ? `${this.#roomJid}/${this.#room.nick}` : null;
  }

  #sendPresence(join = false): void {
    const occupant = this.#occupant();
    if (!occupant || (!join && this.#phase !== 'joined')) return;
    const entry = { password: this.#password, memory: this.#memory };
    this.#connection.send(buildPresence(occupant, this.#ownPresence(), join ? entry : undefined));
  }

  #ownPresence(): OwnPresence {
    const { audio, camera, screen } = this.#devices;
    const id = this.localId;
    return {
      name: this.#name,
      capsVersion: this.#capsVersion,
      codecs: this.#codecs,
      sources: {
        [sourceName(id, 'audio')]: { muted: audio.muted || !audio.track },
        [sourceName(id, 'camera')]: { muted: camera.muted || !camera.track },
        ...(screen.track
          ? { [sourceName(id, 'screen')]: { muted: screen.muted, videoType: 'desktop' as const } }
          : {}),
      },
      raisedHandAt: this.#raisedHandAt,
    };
  }

  #sendVideoType(role: 'camera' | 'screen'): void {
    const { track, muted } = this.#devices[role];
    const kind = role === 'camera' ? 'camera' : 'desktop';
    this.#sessions.current?.channel.send({
      colibriClass: 'SourceVideoTypeMessage',
      sourceName: sourceName(this.localId, role),
      videoType: track && !muted ? kind : 'none',
    });
  }

  #sendConstraints(force: boolean): void {
    const ratio = typeof devicePixelRatio === 'number' ? devicePixelRatio : 1;
    const message = receiverConstraints(this.#shown, this.settings.lastN, this.#maxHeight, ratio);
    const text = JSON.stringify(message);
    if (!force && text === this.#lastConstraints) return;
    if (this.#sessions.current?.channel.send(message)) this.#lastConstraints = text;
  }

  #publishParticipants(): void {
    const people = this.participants();
    if (!this.#room?.joined || this.#gathering.isWaiting(people, Date.now())) return;
    this.emit('participants', people);
  }

  #setPhase(phase: Phase): void {
    if (this.#phase === 'ended') return;
    this.#phase = phase;
    this.emit('phase', phase);
  }

  #end(reason: EndReason, detail: string | null): void {
    if (this.#phase === 'ended') return;
    this.#sessions.close(false);
    this.#setPhase('ended');
    this.emit('ended', { reason, detail });
  }
}
