import { BridgeChannel } from './bridgeChannel';
import { codecFromName, type Codec } from './codecs';
import { Emitter } from './emitter';
import { cameraEncodings, screenEncodings, type Encoding } from './encodings';
import type { Arrivals } from './handover';
import type { LocalTransport, Offer, Transport } from './jingle';
import { addSimulcast, localLine, localTransport, RIDS } from './localSdp';
import { buildRemoteSdp, fixedLines, MID } from './remoteSdp';
import { SlotTable, type MappedSource, type Slot } from './slots';
import type { Kind, LocalSource, RemoteSource } from './sources';

export type LocalRole = 'audio' | 'camera' | 'screen';

/** A source that arrives, with the track that carries it. */
export interface ReceivedSource {
  name: string;
  owner: string;
  kind: Kind;
  videoType: Slot['videoType'];
  track: MediaStreamTrack;
}

interface MediaSessionEvents {
  /** The sources that arrive have changed; read `received()`. */
  received: undefined;
  transport: 'connected' | 'interrupted' | 'failed';
  /** A source of ours that focus has not been told of. */
  unsignalled: LocalSource;
}

export interface MediaSessionOptions {
  offer: Offer;
  endpointId: string;
  iceServers: RTCIceServer[];
  codecs: readonly Codec[];
  tracks: Readonly<Record<LocalRole, MediaStreamTrack | null>>;
}

/**
 * Milliseconds that nobody may want a source before it is paused. A bridge says so for a moment at
 * the start, and a sender that pauses then loses its first measurement of the network.
 */
const PAUSE_DELAY = 2000;

const ROLES: readonly LocalRole[] = ['audio', 'camera', 'screen'];
const SUFFIX: Record<LocalRole, string> = { audio: 'a0', camera: 'v0', screen: 'v1' };

export function sourceName(endpointId: string, role: LocalRole): string {
  return `${endpointId}-${SUFFIX[role]}`;
}

/**
 * Firefox answers an offer of RIDs and names the SSRC of each, and ignores groups that are written into
 * its own description. Other browsers take the groups, and name no SSRC for a RID.
 */
function sendsSimulcastByRid(): boolean {
  return /firefox/i.test(navigator.userAgent);
}

function randomSsrc(): number {
  const words = crypto.getRandomValues(new Uint32Array(1));
  return Math.max(1, words[0] ?? 1);
}

/**
 * One Jingle session with a bridge as a peer connection. The bridge always offers; whatever
 * changes is negotiated by a new offer that we write ourselves. Negotiations run one at a time.
 */
export class MediaSession extends Emitter<MediaSessionEvents> {
  readonly offer: Offer;
  readonly channel: BridgeChannel;
  readonly #endpointId: string;
  readonly #pc: RTCPeerConnection;
  readonly #slots: SlotTable;
  readonly #msids: Record<LocalRole, string>;
  readonly #signalled = new Set<LocalRole>();
  readonly #senderLimits = new Map<string, number>();
  readonly #pauseTimers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #tracks: Record<LocalRole, MediaStreamTrack | null>;
  #data: RTCDataChannel | null = null;
  #transport: Transport;
  #codecs: readonly Codec[];
  #version = 0;
  #queue: Promise<void> = Promise.resolve();
  #encodingsQueue: Promise<void> = Promise.resolve();
  #stale = false;
  #rewriting = false;
  #accepted = false;
  #retired = false;
  #closed = false;

  constructor(options: MediaSessionOptions) {
    super();
    this.offer = options.offer;
    this.#endpointId = options.endpointId;
    this.#transport = options.offer.transport;
    this.#codecs = options.codecs;
    this.#tracks = { ...options.tracks };
    this.#slots = new SlotTable(fixedLines(options.offer));
    this.#slots.add(options.offer.sources);
    const stream = crypto.randomUUID();
    this.#msids = {
      audio: `${this.#endpointId}-audio-0 ${stream}-a0`,
      camera: `${this.#endpointId}-video-0 ${stream}-v0`,
      screen: `${this.#endpointId}-video-1 ${stream}-v1`,
    };
    this.#pc = new RTCPeerConnection({
      iceServers: options.iceServers,
      bundlePolicy: 'max-bundle',
    });
    this.#pc.addEventListener('connectionstatechange', () => this.#connectionChanged());
    if (this.offer.sctpPort !== null) {
      this.#data = this.#pc.createDataChannel('JVB data channel', {
        protocol: 'http://jitsi.org/protocols/colibri',
      });
    }
    this.channel = new BridgeChannel(this.#data, this.offer.transport.webSocketUrls[0] ?? null);
    this.channel.on('message', (message) => {
      switch (message.colibriClass) {
        case 'VideoSourcesMap':
          this.#applyMap('video', message.mappedSources);
          break;
        case 'AudioSourcesMap':
          this.#applyMap('audio', message.mappedSources);
          break;
        case 'SenderSourceConstraints':
          this.#limitSender(message.sourceName, message.maxHeight);
          break;
      }
    });
  }

  /** Answers the offer. Gives what session-accept has to say. */
  async accept(): Promise<{ transport: LocalTransport; sources: LocalSource[] }> {
    this.channel.start();
    await this.#enqueue(() => this.#negotiate());
    const transport = this.#localTransport();
    const sources = ROLES.filter((role) => this.#tracks[role] !== null).map((role) => {
      this.#signalled.add(role);
      return this.#localSource(role);
    });
    return { transport, sources };
  }

  /** Focus has our session-accept: from here on new sources are announced one by one. */
  accepted(): void {
    this.#accepted = true;
    this.#announce();
  }

  async setTrack(role: LocalRole, track: MediaStreamTrack | null): Promise<void> {
    this.#tracks[role] = track;
    await this.#enqueue(async () => {
      const sender = this.#transceiver(MID[role])?.sender;
      if (sender && sender.track !== this.#tracks[role]) {
        await sender.replaceTrack(this.#tracks[role]);
      }
    });
    this.#applyEncodings();
    this.#announce();
  }

  async setCodecs(codecs: readonly Codec[]): Promise<void> {
    this.#codecs = codecs;
    await this.#enqueue(() => this.#negotiate());
  }

  addSources(sources: readonly RemoteSource[]): void {
    if (this.#slots.add(sources)) this.#renegotiate();
    else this.emit('received', undefined);
  }

  removeSources(sources: readonly RemoteSource[]): void {
    if (this.#slots.remove(sources)) this.#renegotiate();
    this.emit('received', undefined);
  }

  removeOwner(owner: string): void {
    if (this.#slots.removeOwner(owner, this.#rewriting)) this.#renegotiate();
    this.emit('received', undefined);
  }

  /** The bridge restarts ICE in place; gives our new credentials. */
  async restartIce(transport: Transport): Promise<LocalTransport> {
    this.#transport = {
      ...this.#transport,
      ufrag: transport.ufrag,
      pwd: transport.pwd,
      candidates:
        transport.candidates.length > 0 ? transport.candidates : this.#transport.candidates,
    };
    await this.#enqueue(() => this.#negotiate());
    return this.#localTransport();
  }

  /** Candidates that the bridge found later. */
  addCandidates(transport: Transport): void {
    this.#transport = {
      ...this.#transport,
      candidates: [...this.#transport.candidates, ...transport.candidates],
    };
    this.#renegotiate();
  }

  /** What arrives now; a slot without a source is left out. */
  received(): ReceivedSource[] {
    return this.#slots.slots.flatMap((slot) => {
      const track = this.#transceiver(slot.mid)?.receiver.track;
      if (!track || slot.source === null || slot.owner === null) return [];
      const { source: name, owner, kind, videoType } = slot;
      return [{ name, owner, kind, videoType, track }];
    });
  }

  /** How much media of each source has come so far. */
  async arrivals(): Promise<Arrivals> {
    const arrivals = new Map<string, number>();
    (await this.#pc.getStats()).forEach((value: unknown) => {
      const row = value as { type: string; kind?: string; mid?: string } & Record<string, unknown>;
      if (row.type !== 'inbound-rtp') return;
      const name = this.slotByMid(row.mid ?? '')?.source;
      const amount = row.kind === 'video' ? row.framesDecoded : row.packetsReceived;
      if (name) arrivals.set(name, (arrivals.get(name) ?? 0) + Number(amount ?? 0));
    });
    return arrivals;
  }

  /** Another session takes its place; this one goes on for those who are not there yet. */
  retire(): void {
    this.#retired = true;
    this.channel.retire();
  }

  /** Nothing of what this session brings is shown any more. */
  stopReceiving(): void {
    this.channel.send({
      colibriClass: 'ReceiverVideoConstraints',
      lastN: 0,
      defaultConstraints: { maxHeight: 0 },
      constraints: {},
    });
  }

  /** The codec that the camera is sent with. */
  get codec(): Codec {
    const offered = new Set(
      this.offer.video.payloads.map((payload) => codecFromName(payload.name)),
    );
    return this.#codecs.find((codec) => offered.has(codec)) ?? 'vp8';
  }

  get isConnected(): boolean {
    return this.#pc.connectionState === 'connected';
  }

  async stats(): Promise<RTCStatsReport> {
    return this.#pc.getStats();
  }

  slotByMid(mid: string): Slot | undefined {
    return this.#slots.slots.find((slot) => slot.mid === mid);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#pauseTimers.values()) clearTimeout(timer);
    this.channel.close();
    this.#pc.close();
  }

  #transceiver(mid: string): RTCRtpTransceiver | undefined {
    return this.#pc.getTransceivers().find((transceiver) => transceiver.mid === mid);
  }

  #localTransport(): LocalTransport {
    return localTransport(this.#pc.localDescription?.sdp ?? '');
  }

  #localSource(role: LocalRole): LocalSource {
    const line = localLine(this.#pc.localDescription?.sdp ?? '', MID[role]);
    return {
      name: sourceName(this.#endpointId, role),
      kind: role === 'audio' ? 'audio' : 'video',
      ssrcs: line.ssrcs,
      groups: line.groups,
      msid: this.#msids[role],
      videoType: role === 'screen' ? 'desktop' : 'camera',
    };
  }

  #announce(): void {
    if (!this.#accepted || this.#closed) return;
    for (const role of ROLES) {
      if (this.#tracks[role] === null || this.#signalled.has(role)) continue;
      this.#signalled.add(role);
      this.emit('unsignalled', this.#localSource(role));
    }
  }

  #limitSender(name: string, maxHeight: number): void {
    clearTimeout(this.#pauseTimers.get(name));
    const apply = (): void => {
      this.#senderLimits.set(name, maxHeight);
      this.#applyEncodings();
    };
    if (maxHeight === 0 && !this.#retired)
      this.#pauseTimers.set(name, setTimeout(apply, PAUSE_DELAY));
    else apply();
  }

  #applyMap(kind: Kind, mapped: readonly MappedSource[]): void {
    this.#rewriting = true;
    if (this.#slots.applyMap(kind, mapped)) this.#renegotiate();
    else this.emit('received', undefined);
  }

  /** Changes that come while a negotiation waits share it. */
  #renegotiate(): void {
    if (this.#stale) return;
    this.#stale = true;
    void this.#enqueue(async () => {
      this.#stale = false;
      await this.#negotiate();
    });
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    const run = this.#queue.then(async () => {
      if (!this.#closed) await step();
    });
    this.#queue = run.catch((error: unknown) => {
      if (!this.#closed) console.error('negotiation failed', error);
    });
    return run;
  }

  async #negotiate(): Promise<void> {
    const pc = this.#pc;
    this.#version += 1;
    const sdp = buildRemoteSdp(
      this.offer,
      this.#transport,
      this.#slots.slots,
      this.#codecs,
      this.#version,
      sendsSimulcastByRid() ? RIDS : [],
    );
    await pc.setRemoteDescription({ type: 'offer', sdp });
    for (const role of ROLES) {
      const transceiver = this.#transceiver(MID[role]);
      if (!transceiver) continue;
      transceiver.direction = role === 'screen' ? 'sendonly' : 'sendrecv';
      if (transceiver.sender.track !== this.#tracks[role]) {
        await transceiver.sender.replaceTrack(this.#tracks[role]);
      }
    }
    const answer = await pc.createAnswer();
    const text = answer.sdp ?? '';
    await pc.setLocalDescription({
      type: 'answer',
      sdp: sendsSimulcastByRid() ? text : addSimulcast(text, MID.camera, randomSsrc),
    });
    this.#applyEncodings();
    this.emit('received', undefined);
  }

  #applyEncodings(): void {
    this.#encodingsQueue = this.#encodingsQueue
      .then(async () => {
        if (this.#closed) return;
        await this.#applyTo('camera');
        await this.#applyTo('screen');
      })
      .catch((error: unknown) => {
        if (!this.#closed) console.warn('the browser refused the encodings', error);
      });
  }

  async #applyTo(role: 'camera' | 'screen'): Promise<void> {
    const sender = this.#transceiver(MID[role])?.sender;
    if (!sender || !this.#pc.localDescription) return;
    const parameters = sender.getParameters();
    const count = parameters.encodings.length;
    if (count === 0) return;
    const limit = this.#senderLimits.get(sourceName(this.#endpointId, role)) ?? -1;
    const { width = 1280, height = 720 } = sender.track?.getSettings() ?? {};
    const wanted: Encoding[] =
      role === 'camera'
        ? cameraEncodings(this.codec, Math.min(width, height), limit, count)
        : screenEncodings(limit, count);
    let changed = false;
    for (const [index, encoding] of parameters.encodings.entries()) {
      const target = wanted[index] ?? { active: false };
      const current = encoding as Encoding;
      for (const key of ['scaleResolutionDownBy', 'maxBitrate', 'scalabilityMode'] as const) {
        if (current[key] === target[key]) continue;
        changed = true;
        if (target[key] === undefined) Reflect.deleteProperty(current, key);
        else Object.assign(current, { [key]: target[key] });
      }
      if (current.active !== target.active) {
        changed = true;
        current.active = target.active;
      }
    }
    if (changed) await sender.setParameters(parameters);
  }

  #connectionChanged(): void {
    if (this.#closed) return;
    switch (this.#pc.connectionState) {
      case 'connected':
        this.channel.transportConnected();
        this.emit('transport', 'connected');
        break;
      case 'disconnected':
        this.emit('transport', 'interrupted');
        break;
      case 'failed':
        this.emit('transport', 'failed');
        break;
    }
  }
}
