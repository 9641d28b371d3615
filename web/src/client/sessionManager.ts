import type { Element } from '@xmpp/xml';
import { Backoff } from './backoff';
import type { BridgeMessage } from './bridgeChannel';
import type { Codec } from './codecs';
import { Emitter } from './emitter';
import { Handover } from './handover';
import {
  buildAccept,
  buildIceRestartAnswer,
  buildIceRestartRequest,
  buildSourceChange,
  buildTerminate,
  parseOffer,
  parseTransport,
  type Offer,
} from './jingle';
import { MediaSession, type LocalRole, type ReceivedSource } from './mediaSession';
import { NS } from './ns';
import { parseSources, type LocalSource } from './sources';

interface SessionEvents {
  /** Sources arriving by name; those of a session that was just lost stay until replaced. */
  received: ReadonlyMap<string, ReceivedSource>;
  transport: 'connected' | 'interrupted';
  channelOpen: undefined;
  message: BridgeMessage;
  startMuted: { audio: boolean; video: boolean };
}

export interface SessionContext {
  endpointId: () => string;
  ownJid: () => string;
  iceServers: () => RTCIceServer[];
  codecs: () => readonly Codec[];
  tracks: () => Readonly<Record<LocalRole, MediaStreamTrack | null>>;
  /** Sends a Jingle payload to focus; rejects with its error. */
  request: (payload: Element) => Promise<unknown>;
}

/** Milliseconds. */
const REPLACED_SESSION_LINGERS = 8_000;
const HANDOVER_INTERVAL = 100;
const SOURCES_WITHIN = 3_000;
const ICE_RESTART_TIMEOUT = 10_000;
const RECOVERY_INTERVAL = 6_000;
const SIGNAL_INTERVAL = 3_000;
/** Before a session is replaced whose channel was lost: a bridge that ends is left by focus itself. */
const FIRST_CHANNEL_WAIT = 2_000;
const LONGEST_CHANNEL_WAIT = 60_000;
/** A channel that was open for this long was a good one. */
const CHANNEL_PROVEN = 60_000;

/**
 * The Jingle sessions with focus, of which one at a time counts. A new offer replaces the current
 * session, which goes on: it is shown until the new one has media, and sends until the bridge ends it,
 * for others may need longer to come over.
 */
export class SessionManager extends Emitter<SessionEvents> {
  #current: MediaSession | null = null;
  #retired: MediaSession | null = null;
  #handover = new Handover();
  #connectedAt = 0;
  #channelOpenedAt = 0;
  readonly #channelRetries = new Backoff(FIRST_CHANNEL_WAIT, LONGEST_CHANNEL_WAIT);
  #shown = new Map<string, ReceivedSource>();
  #retireTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly context: SessionContext) {
    super();
  }

  get current(): MediaSession | null {
    return this.#current;
  }

  /** One Jingle action of focus. False when it is about a session that is not there. */
  handleJingle(jingle: Element): boolean {
    const { action, sid } = jingle.attrs;
    if (action === 'session-initiate' || action === 'transport-replace') {
      return this.#offered(jingle, action);
    }
    const session = this.#current;
    if (session?.offer.sid !== sid) return action === 'session-terminate';
    switch (action) {
      case 'source-add':
        session?.addSources(parseSources(jingle));
        return true;
      case 'source-remove':
        session?.removeSources(parseSources(jingle));
        return true;
      case 'transport-info':
        if (session) void this.#transportInfo(session, jingle);
        return true;
      case 'session-terminate':
        this.#terminated(jingle);
        return true;
      default:
        return true;
    }
  }

  async setTrack(role: LocalRole, track: MediaStreamTrack | null): Promise<void> {
    // What is muted is muted for those who still receive from the old session as well.
    await Promise.all([this.#current?.setTrack(role, track), this.#retired?.setTrack(role, track)]);
  }

  removeOwner(owner: string): void {
    this.#current?.removeOwner(owner);
    this.#retired?.removeOwner(owner);
    for (const [name, source] of this.#shown) {
      if (source.owner === owner) this.#shown.delete(name);
    }
    this.#publish();
  }

  /** Ends everything; `tellFocus` unless the session is already over on the server. */
  close(tellFocus: boolean): void {
    const session = this.#current;
    if (session && tellFocus) {
      const { sid, bridgeSessionId } = session.offer;
      void this.context
        .request(buildTerminate(sid, 'success', bridgeSessionId, false))
        .catch(() => undefined);
    }
    this.#current = null;
    session?.close();
    this.#dropRetired();
    this.#shown.clear();
    this.#publish();
  }

  #offered(jingle: Element, action: 'session-initiate' | 'transport-replace'): boolean {
    const initiates = action === 'session-initiate';
    // An offer that comes twice is answered once.
    if (initiates && this.#current?.offer.sid === jingle.attrs.sid) return true;
    try {
      void this.#start(parseOffer(jingle), initiates ? 'session-accept' : 'transport-accept');
      return true;
    } catch (error) {
      console.warn('an offer of focus cannot be read', error);
      return false;
    }
  }

  async #start(offer: Offer, answer: 'session-accept' | 'transport-accept'): Promise<void> {
    const { context } = this;
    const session = new MediaSession({
      offer,
      endpointId: context.endpointId(),
      iceServers: context.iceServers(),
      codecs: context.codecs(),
      tracks: context.tracks(),
    });
    this.#retire();
    this.#current = session;
    this.emit('startMuted', offer.startMuted);
    session.on('received', () => {
      if (session === this.#current || session === this.#retired) this.#merge();
    });
    session.on('transport', (state) => this.#transportChanged(session, state));
    session.channel.on('open', () => {
      if (session !== this.#current) return;
      this.#channelOpenedAt = performance.now();
      this.emit('channelOpen', undefined);
    });
    session.channel.on('failed', () => void this.#channelFailed(session));
    session.channel.on('message', (message) => {
      if (session === this.#current) this.emit('message', message);
    });
    session.on('unsignalled', (source) => void this.#signal(session, source));
    try {
      const { transport, sources } = await session.accept();
      if (session !== this.#current) return;
      const accept = buildAccept(offer, transport, sources, context.ownJid());
      accept.attrs.action = answer;
      await context.request(accept);
      session.accepted();
    } catch (error) {
      if (session !== this.#current) return;
      console.warn('the session could not be accepted', error);
      this.#recoverLater(session);
    }
  }

  /** Tells focus of a source; again and again while there is no way to it. */
  async #signal(session: MediaSession, source: LocalSource): Promise<void> {
    while (session === this.#current) {
      try {
        await this.context.request(buildSourceChange('source-add', session.offer.sid, source));
        return;
      } catch (error) {
        if (typeof (error as { condition?: unknown }).condition === 'string') {
          console.warn(`focus does not accept ${source.name}`, error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, SIGNAL_INTERVAL));
      }
    }
  }

  async #transportInfo(session: MediaSession, jingle: Element): Promise<void> {
    const element = jingle.getChildren('content')[0]?.getChild('transport', NS.iceUdp);
    if (!element) return;
    const transport = parseTransport(element);
    if (transport.iceGeneration === null) {
      session.addCandidates(transport);
      return;
    }
    const local = await session.restartIce(transport);
    await this.context
      .request(buildIceRestartAnswer(session.offer.sid, local, transport.iceGeneration))
      .catch(() => undefined);
  }

  #terminated(jingle: Element): void {
    const reason = jingle.getChild('reason')?.getChildElements()[0]?.getName();
    this.#retire();
    this.#current = null;
    // `success` announces a move: the next offer is on its way. Anything else is an end.
    if (reason !== 'success') {
      this.#dropRetired();
      this.#shown.clear();
      this.#publish();
      // No media is missing where none is to be had.
      this.emit('transport', 'connected');
    }
  }

  /** The current session becomes the one that lingers. */
  #retire(): void {
    const session = this.#current;
    if (!session) return;
    // One that never had media does not take the place of one that has.
    if (this.#retired && !session.isConnected) {
      session.close();
      this.#handover.handleNext();
      return;
    }
    this.#dropRetired();
    session.retire();
    this.#retired = session;
    this.#handover = new Handover();
    this.#retireTimer = setTimeout(() => {
      this.#dropRetired();
      this.#merge();
    }, REPLACED_SESSION_LINGERS);
    void this.#handOver(session);
  }

  /** Follows the media as it moves from the old session to the one that takes its place. */
  async #handOver(old: MediaSession): Promise<void> {
    let receives = true;
    while (old === this.#retired) {
      const next = this.#current === old ? null : this.#current;
      const [before, after] = await Promise.all([old.arrivals(), next?.arrivals() ?? new Map()]);
      if (old !== this.#retired) return;
      if (this.#handover.handleArrivals(before, after, performance.now())) this.#merge();
      if (next && next === this.#current && this.#isHandedOver(next)) {
        if (receives) old.stopReceiving();
        receives = false;
        if (old.channel.hasEnded || !old.isConnected) {
          this.#dropRetired();
          this.#merge();
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, HANDOVER_INTERVAL));
    }
  }

  #isHandedOver(next: MediaSession): boolean {
    if (!next.isConnected || !this.#handover.isComplete) return false;
    const names = new Set(next.received().map((source) => source.name));
    return (
      [...this.#shown.keys()].every((name) => names.has(name)) ||
      performance.now() - this.#connectedAt >= SOURCES_WITHIN
    );
  }

  #dropRetired(): void {
    clearTimeout(this.#retireTimer);
    this.#retired?.close();
    this.#retired = null;
  }

  #transportChanged(session: MediaSession, state: 'connected' | 'interrupted' | 'failed'): void {
    if (session !== this.#current) return;
    if (state === 'failed') {
      this.emit('transport', 'interrupted');
      void this.#recover(session);
      return;
    }
    if (state === 'connected') {
      this.#connectedAt = performance.now();
      // What the new session does not bring is gone.
      setTimeout(() => {
        if (session === this.#current) this.#merge();
      }, SOURCES_WITHIN);
    }
    this.emit('transport', state);
  }

  /** ICE has failed: first a restart in place, and where that does not help, a new session. */
  async #recover(session: MediaSession): Promise<void> {
    const { sid, bridgeSessionId } = session.offer;
    if (bridgeSessionId !== null) {
      try {
        await this.context.request(buildIceRestartRequest(sid, bridgeSessionId));
        await new Promise((resolve) => setTimeout(resolve, ICE_RESTART_TIMEOUT));
      } catch {
        // Not supported or too soon: a new session does as well.
      }
    }
    if (session !== this.#current || session.isConnected) return;
    try {
      await this.context.request(buildTerminate(sid, 'connectivity-error', bridgeSessionId, true));
    } catch {
      this.#recoverLater(session);
    }
  }

  /**
   * The media goes on, but nobody says any more what is wanted and what is sent, and an SCTP association
   * that has ended does not begin again in its session: a new session takes its place.
   */
  async #channelFailed(session: MediaSession): Promise<void> {
    console.warn('the channel to the bridge is lost: asking for a new session');
    if (performance.now() - this.#channelOpenedAt > CHANNEL_PROVEN) this.#channelRetries.reset();
    const { sid, bridgeSessionId } = session.offer;
    while (session === this.#current) {
      await new Promise((resolve) => setTimeout(resolve, this.#channelRetries.next()));
      if (session !== this.#current) return;
      const asked = this.context.request(
        buildTerminate(sid, 'connectivity-error', bridgeSessionId, true),
      );
      if (await asked.then(() => true).catch(() => false)) return;
    }
  }

  #recoverLater(session: MediaSession): void {
    setTimeout(() => {
      if (session === this.#current && !session.isConnected) void this.#recover(session);
    }, RECOVERY_INTERVAL);
  }

  /** Puts together what is shown, of the session that counts and of the one that lingers. */
  #merge(): void {
    const next = this.#current;
    const old = this.#retired;
    const before = old?.received() ?? [];
    const after = next?.received() ?? [];
    if (old || next?.isConnected) {
      const names = new Set([...before, ...after].map((source) => source.name));
      for (const name of this.#shown.keys()) if (!names.has(name)) this.#shown.delete(name);
    }
    for (const source of before) this.#shown.set(source.name, source);
    for (const source of after) {
      const waits = old !== null && this.#handover.needsOld(source.name);
      if (!waits) this.#shown.set(source.name, source);
    }
    this.#publish();
  }

  #publish(): void {
    this.emit('received', new Map(this.#shown));
  }
}
