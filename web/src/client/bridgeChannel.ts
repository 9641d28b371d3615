import { Backoff } from './backoff';
import { Emitter } from './emitter';
import type { MappedSource } from './slots';

/** Messages of the bridge that this client acts on. */
export type BridgeMessage =
  | { colibriClass: 'ServerHello' }
  | { colibriClass: 'VideoSourcesMap'; mappedSources: MappedSource[] }
  | { colibriClass: 'AudioSourcesMap'; mappedSources: MappedSource[] }
  | { colibriClass: 'SenderSourceConstraints'; sourceName: string; maxHeight: number }
  | { colibriClass: 'ForwardedSources'; forwardedSources: string[] }
  | {
      colibriClass: 'DominantSpeakerEndpointChangeEvent';
      dominantSpeakerEndpoint: string;
      previousSpeakers?: string[];
    }
  | { colibriClass: 'EndpointConnectivityStatusChangeEvent'; endpoint: string; active: string }
  | { colibriClass: 'EndpointMessage'; from: string; msgPayload: Record<string, unknown> };

interface ChannelEvents {
  open: undefined;
  /** It was lost, and this session has no other way to the bridge. */
  failed: undefined;
  message: BridgeMessage;
}

/** Milliseconds that the data channel may take before the WebSocket is used. */
const DATA_CHANNEL_TIMEOUT = 8000;

/**
 * The JSON channel to the bridge: over the session's data channel where the bridge offers one,
 * else (or when that does not open) over a WebSocket that reconnects after a loss.
 */
export class BridgeChannel extends Emitter<ChannelEvents> {
  readonly #backoff = new Backoff(1000, 60_000);
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #retired = false;
  #ended = false;
  #dataOpen = false;

  constructor(
    private readonly data: RTCDataChannel | null,
    private readonly webSocketUrl: string | null,
  ) {
    super();
  }

  start(): void {
    if (!this.data) {
      this.#connect();
      return;
    }
    this.data.addEventListener('open', () => {
      if (this.#closed) return;
      this.#dataOpen = true;
      clearTimeout(this.#timer);
      this.emit('open', undefined);
    });
    this.data.addEventListener('close', () => {
      this.#dataOpen = false;
      this.#lost();
    });
    this.data.addEventListener('message', (event: MessageEvent<unknown>) => {
      this.#receive(event.data);
    });
  }

  /** The transport is up: from here on the data channel is expected to open soon. */
  transportConnected(): void {
    if (!this.data || this.#dataOpen || this.#closed || this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), DATA_CHANNEL_TIMEOUT);
  }

  /** Sends if the channel is open; what must not be lost is sent again on the next `open`. */
  send(message: object): boolean {
    const text = JSON.stringify(message);
    if (this.#dataOpen) {
      this.data?.send(text);
      return true;
    }
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(text);
      return true;
    }
    return false;
  }

  /** Whether the bridge has closed it since it was retired: the session is over there. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** From here on a loss is the end. */
  retire(): void {
    this.#retired = true;
    clearTimeout(this.#timer);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
    this.data?.close();
  }

  #lost(): void {
    if (this.#closed) return;
    if (this.#retired) this.#ended = true;
    else if (this.webSocketUrl) this.#connect();
    else this.emit('failed', undefined);
  }

  #connect(): void {
    if (this.#closed || this.#retired || !this.webSocketUrl || this.#dataOpen || this.#socket)
      return;
    const socket = new WebSocket(this.webSocketUrl);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#backoff.reset();
      if (!this.#dataOpen) this.emit('open', undefined);
    });
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      this.#receive(event.data);
    });
    socket.addEventListener('close', () => {
      this.#socket = null;
      if (this.#closed || this.#dataOpen) return;
      if (this.#retired) {
        this.#lost();
        return;
      }
      this.#timer = setTimeout(() => this.#connect(), this.#backoff.next());
    });
  }

  #receive(data: unknown): void {
    const message = parseBridgeMessage(data);
    if (message) this.emit('message', message);
  }
}

/** A message of the bridge, or null when it is none that this client knows. */
export function parseBridgeMessage(data: unknown): BridgeMessage | null {
  if (typeof data !== 'string') return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const message = parsed as Record<string, unknown>;
  switch (message.colibriClass) {
    case 'VideoSourcesMap':
    case 'AudioSourcesMap': {
      if (!Array.isArray(message.mappedSources)) return null;
      const mappedSources = message.mappedSources.filter(isMappedSource);
      return { colibriClass: message.colibriClass, mappedSources };
    }
    case 'SenderSourceConstraints':
      return typeof message.sourceName === 'string' && typeof message.maxHeight === 'number'
        ? (message as BridgeMessage)
        : null;
    case 'ForwardedSources':
      return Array.isArray(message.forwardedSources) ? (message as BridgeMessage) : null;
    case 'DominantSpeakerEndpointChangeEvent':
      return typeof message.dominantSpeakerEndpoint === 'string'
        ? (message as BridgeMessage)
        : null;
    case 'EndpointConnectivityStatusChangeEvent':
      return typeof message.endpoint === 'string' ? (message as BridgeMessage) : null;
    case 'EndpointMessage':
      return typeof message.from === 'string' && typeof message.msgPayload === 'object'
        ? (message as BridgeMessage)
        : null;
    case 'ServerHello':
      return { colibriClass: 'ServerHello' };
    default:
      return null;
  }
}

function isMappedSource(entry: unknown): entry is MappedSource {
  if (typeof entry !== 'object' || entry === null) return false;
  const { source, owner, ssrc } = entry as Record<string, unknown>;
  return typeof source === 'string' && typeof owner === 'string' && typeof ssrc === 'number';
}
