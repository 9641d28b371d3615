/** A peer connection without media: it follows the m-lines of the descriptions it is given. */

export interface FakeTrack {
  id: string;
  kind: string;
  getSettings: () => { width: number; height: number };
}

export function fakeTrack(id: string, kind = 'video'): MediaStreamTrack {
  const track: FakeTrack = { id, kind, getSettings: () => ({ width: 1280, height: 720 }) };
  return track as unknown as MediaStreamTrack;
}

class FakeSender {
  track: MediaStreamTrack | null = null;
  encodings: { active: boolean }[] = [];
  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.track = track;
    return Promise.resolve();
  }
  getParameters(): { encodings: { active: boolean }[] } {
    return { encodings: this.encodings };
  }
  setParameters(parameters: { encodings: { active: boolean }[] }): Promise<void> {
    this.encodings = parameters.encodings;
    return Promise.resolve();
  }
}

interface FakeTransceiver {
  mid: string;
  direction: string;
  sender: FakeSender;
  receiver: { track: MediaStreamTrack };
}

export class FakePeerConnection extends EventTarget {
  static all: FakePeerConnection[] = [];
  connectionState = 'new';
  localDescription: { sdp: string } | null = null;
  remoteSdps: string[] = [];
  transceivers: FakeTransceiver[] = [];
  /** Frames or packets that have come, by mid. */
  arrived = new Map<string, number>();
  data: (EventTarget & { sent: string[] }) | null = null;
  readonly #number: number;

  constructor() {
    super();
    FakePeerConnection.all.push(this);
    this.#number = FakePeerConnection.all.length;
  }

  setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    this.remoteSdps.push(sdp);
    for (const [, kind, mid] of sdp.matchAll(/^m=(audio|video)[^]*?^a=mid:(\w+)/gm)) {
      if (kind === undefined || mid === undefined) continue;
      if (this.transceivers.some((transceiver) => transceiver.mid === mid)) continue;
      this.transceivers.push({
        mid,
        direction: 'recvonly',
        sender: new FakeSender(),
        receiver: { track: fakeTrack(`pc${this.#number}-${mid}`, kind) },
      });
    }
    return Promise.resolve();
  }

  createAnswer(): Promise<{ sdp: string }> {
    const lines = [
      'v=0',
      ...this.transceivers.flatMap(({ mid, receiver }, index) => [
        `m=${receiver.track.kind} 9 UDP/TLS/RTP/SAVPF 100`,
        `a=ice-ufrag:local${this.remoteSdps.length}`,
        'a=ice-pwd:pwd',
        'a=fingerprint:sha-256 AA:BB',
        'a=setup:active',
        `a=mid:${mid}`,
        ...(index < 3 ? [`a=ssrc-group:FID ${index}1 ${index}2`, `a=ssrc:${index}1 cname:x`] : []),
      ]),
    ];
    return Promise.resolve({ sdp: lines.join('\r\n') + '\r\n' });
  }

  setLocalDescription({ sdp }: { sdp: string }): Promise<void> {
    this.localDescription = { sdp };
    return Promise.resolve();
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  createDataChannel(): EventTarget {
    const sent: string[] = [];
    const send = (text: string): number => sent.push(text);
    this.data = Object.assign(new EventTarget(), { close: () => undefined, send, sent });
    return this.data;
  }

  getStats(): Promise<Map<string, object>> {
    const rows = [...this.arrived].map(([mid, amount]): [string, object] => {
      const { kind } = this.transceivers.find((one) => one.mid === mid)?.receiver.track ?? {};
      const counts = { framesDecoded: amount, packetsReceived: amount };
      return [mid, { type: 'inbound-rtp', kind, mid, ...counts }];
    });
    return Promise.resolve(new Map(rows));
  }

  /** What the network makes of it. */
  become(state: 'connected' | 'disconnected' | 'failed'): void {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }

  close(): void {
    this.connectionState = 'closed';
  }
}
