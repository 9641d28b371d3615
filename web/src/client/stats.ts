import type { MediaSession } from './mediaSession';

/** What arrives from one participant. */
export interface ParticipantStats {
  framesDecoded: number;
  frameWidth: number;
  frameHeight: number;
  codec: string | null;
  /** 0 to 1, as RFC 6464 levels give it. */
  audioLevel: number;
  totalAudioEnergy: number;
  audioPacketsReceived: number;
}

export interface SendStats {
  codec: string | null;
  framesEncoded: number;
  /** Heights of the layers being sent. */
  layers: number[];
  audioPacketsSent: number;
}

export interface SessionStats {
  participants: Record<string, ParticipantStats>;
  sent: SendStats;
  /** Milliseconds; null before the first measurement. */
  roundTripTime: number | null;
  packetsReceived: number;
  packetsLost: number;
}

interface RtpStats {
  type: string;
  kind?: string;
  mid?: string;
  codecId?: string;
  mimeType?: string;
  framesDecoded?: number;
  framesEncoded?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesPerSecond?: number;
  audioLevel?: number;
  totalAudioEnergy?: number;
  packetsReceived?: number;
  packetsLost?: number;
  packetsSent?: number;
  active?: boolean;
  nominated?: boolean;
  currentRoundTripTime?: number;
}

function codecName(report: RTCStatsReport, id: string | undefined): string | null {
  const codec = id === undefined ? undefined : (report.get(id) as RtpStats | undefined);
  return codec?.mimeType?.split('/')[1]?.toLowerCase() ?? null;
}

/** Digest of a session's statistics by participant. Camera and screen of one count together. */
export async function digestStats(session: MediaSession): Promise<SessionStats> {
  const report = await session.stats();
  const result: SessionStats = {
    participants: {},
    sent: { codec: null, framesEncoded: 0, layers: [], audioPacketsSent: 0 },
    roundTripTime: null,
    packetsReceived: 0,
    packetsLost: 0,
  };
  report.forEach((value: unknown) => {
    const entry = value as RtpStats;
    if (entry.type === 'inbound-rtp') {
      result.packetsReceived += entry.packetsReceived ?? 0;
      result.packetsLost += Math.max(0, entry.packetsLost ?? 0);
      const owner = session.slotByMid(entry.mid ?? '')?.owner;
      if (owner) addInbound((result.participants[owner] ??= emptyStats()), entry, report);
    } else if (entry.type === 'outbound-rtp') {
      addOutbound(result.sent, entry, report);
    } else if (entry.type === 'candidate-pair' && entry.nominated) {
      result.roundTripTime = (entry.currentRoundTripTime ?? 0) * 1000;
    }
  });
  return result;
}

function emptyStats(): ParticipantStats {
  return {
    framesDecoded: 0,
    frameWidth: 0,
    frameHeight: 0,
    codec: null,
    audioLevel: 0,
    totalAudioEnergy: 0,
    audioPacketsReceived: 0,
  };
}

function addInbound(target: ParticipantStats, entry: RtpStats, report: RTCStatsReport): void {
  if (entry.kind === 'audio') {
    target.audioLevel = Math.max(target.audioLevel, entry.audioLevel ?? 0);
    target.totalAudioEnergy += entry.totalAudioEnergy ?? 0;
    target.audioPacketsReceived += entry.packetsReceived ?? 0;
    return;
  }
  target.framesDecoded += entry.framesDecoded ?? 0;
  target.frameWidth = Math.max(target.frameWidth, entry.frameWidth ?? 0);
  target.frameHeight = Math.max(target.frameHeight, entry.frameHeight ?? 0);
  target.codec = codecName(report, entry.codecId) ?? target.codec;
}

function addOutbound(target: SendStats, entry: RtpStats, report: RTCStatsReport): void {
  if (entry.kind === 'audio') {
    target.audioPacketsSent += entry.packetsSent ?? 0;
    return;
  }
  target.framesEncoded += entry.framesEncoded ?? 0;
  if (entry.active && (entry.framesPerSecond ?? 0) > 0) target.layers.push(entry.frameHeight ?? 0);
  if ((entry.framesEncoded ?? 0) > 0) target.codec = codecName(report, entry.codecId);
}

export type Quality = 'good' | 'fair' | 'poor';

/** How the connection feels, from the loss between two digests and the round trip. */
export function connectionQuality(before: SessionStats | null, now: SessionStats): Quality {
  const received = now.packetsReceived - (before?.packetsReceived ?? 0);
  const lost = now.packetsLost - (before?.packetsLost ?? 0);
  const loss = received + lost > 50 ? Math.max(0, lost) / (received + lost) : 0;
  const delay = now.roundTripTime ?? 0;
  if (loss > 0.1 || delay > 600) return 'poor';
  if (loss > 0.03 || delay > 300) return 'fair';
  return 'good';
}
