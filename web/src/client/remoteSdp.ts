import { codecFromName, type Codec } from './codecs';
import type { Candidate, MediaDescription, Offer, Payload, Transport } from './jingle';
import type { Slot } from './slots';
import type { Kind, RemoteSource } from './sources';

/** The m-lines that every session has, in this order; receiving slots follow. */
export const MID = { audio: '0', camera: '1', screen: '2', data: '3' } as const;

/** Number of m-lines before the first receiving slot. */
export function fixedLines(offer: Offer): number {
  return offer.sctpPort === null ? 3 : 4;
}

/**
 * Routing by MID is left out: slots are told apart by SSRC, and a MID that a sender put on its
 * packets means nothing here.
 */
const UNUSED_EXTENSIONS = new Set(['urn:ietf:params:rtp-hdrext:sdes:mid']);

/**
 * A browser that may describe its frames by this extension does so for every codec, with numbers
 * that bridges rewrite for AV1 only: after a switch of layers they would mislead receivers.
 */
const DEPENDENCY_DESCRIPTOR =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

function candidateLine(candidate: Candidate): string {
  const { foundation, component, protocol, priority, ip, port, type } = candidate;
  const related =
    candidate.relatedAddress !== null && candidate.relatedPort !== null
      ? ` raddr ${candidate.relatedAddress} rport ${candidate.relatedPort}`
      : '';
  return `a=candidate:${foundation} ${component} ${protocol} ${priority} ${ip} ${port} typ ${type}${related}`;
}

function transportLines(transport: Transport, withCandidates: boolean): string[] {
  const print = transport.fingerprint;
  return [
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${transport.ufrag}`,
    `a=ice-pwd:${transport.pwd}`,
    ...(print ? [`a=fingerprint:${print.hash} ${print.value}`] : []),
    'a=setup:actpass',
    ...(withCandidates ? transport.candidates.map(candidateLine) : []),
    ...(withCandidates ? ['a=end-of-candidates'] : []),
  ];
}

/** `name=value` pairs; a value may carry further pairs after semicolons, as focus's H.264 does. */
function formatParameters(payload: Payload): string {
  return payload.parameters
    .map(([name, value]) => (name ? `${name}=${value}` : value).replace(/;+\s*$/, ''))
    .join(';');
}

function payloadLines(payload: Payload): string[] {
  const channels = payload.channels > 1 ? `/${payload.channels}` : '';
  const parameters = formatParameters(payload);
  return [
    `a=rtpmap:${payload.id} ${payload.name}/${payload.clockrate}${channels}`,
    ...(parameters ? [`a=fmtp:${payload.id} ${parameters}`] : []),
    ...payload.feedback.map((feedback) => `a=rtcp-fb:${payload.id} ${feedback}`),
  ];
}

/** Preferred codecs first, each followed by its RTX; a browser sends the first that it can. */
export function orderPayloads(payloads: readonly Payload[], order: readonly Codec[]): Payload[] {
  const isRepair = (payload: Payload): boolean => payload.name.toLowerCase() === 'rtx';
  const rank = (payload: Payload): number => {
    const codec = codecFromName(payload.name);
    const index = codec ? order.indexOf(codec) : -1;
    return index < 0 ? order.length : index;
  };
  const primary = payloads.filter((payload) => !isRepair(payload));
  primary.sort((a, b) => rank(a) - rank(b));
  return primary.flatMap((payload) => [
    payload,
    ...payloads.filter(
      (repair) =>
        isRepair(repair) &&
        repair.parameters.some(([name, value]) => name === 'apt' && value === String(payload.id)),
    ),
  ]);
}

interface Line {
  mid: string;
  kind: Kind;
  direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  ssrc: number | null;
  rtx: number | null;
  msid: string;
  /** RIDs of the layers that are asked for by them. */
  rids: readonly string[];
}

/** Asks the browser for simulcast by RIDs (RFC 8853), lowest layer first. */
function simulcastLines(rids: readonly string[]): string[] {
  if (rids.length === 0) return [];
  return [...rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${rids.join(';')}`];
}

function mediaLines(
  line: Line,
  extensions: MediaDescription['extensions'],
  payloads: readonly Payload[],
  transport: Transport,
  first: boolean,
): string[] {
  const { mid, kind, direction, ssrc, rtx, msid, rids } = line;
  const sends = ssrc !== null && (direction === 'sendrecv' || direction === 'sendonly');
  const sourceLines = (source: number): string[] => [
    `a=ssrc:${source} cname:${msid.replace(' ', '-')}`,
    `a=ssrc:${source} msid:${msid}`,
  ];
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloads.map((payload) => payload.id).join(' ')}`,
    ...transportLines(transport, first),
    'a=rtcp:9 IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    ...extensions.map(({ id, uri }) => `a=extmap:${id} ${uri}`),
    `a=${direction}`,
    ...(sends ? [`a=msid:${msid}`] : []),
    'a=rtcp-mux',
    ...(kind === 'video' ? ['a=rtcp-rsize'] : []),
    ...payloads.flatMap(payloadLines),
    ...simulcastLines(rids),
    ...(sends && rtx !== null ? [`a=ssrc-group:FID ${ssrc} ${rtx}`] : []),
    ...(sends ? sourceLines(ssrc) : []),
    ...(sends && rtx !== null ? sourceLines(rtx) : []),
  ];
}

function sendLine(
  mid: string,
  kind: Kind,
  feedback: RemoteSource | undefined,
  rids: readonly string[] = [],
): Line {
  // The bridge's own source receives its padding here, so that it is nobody's picture.
  return {
    mid,
    kind,
    direction: feedback ? 'sendrecv' : 'recvonly',
    ssrc: feedback?.ssrc ?? null,
    rtx: feedback?.rtx ?? null,
    msid: `mixedmslabel mixedlabel${kind}0`,
    rids,
  };
}

/**
 * The bridge's side of the session as an SDP offer: our microphone, camera and screen first, the
 * data channel where offered, then one sending m-line per slot. `version` must grow. `rids` are the
 * camera's layers for a browser that sends simulcast by RID.
 */
export function buildRemoteSdp(
  offer: Offer,
  transport: Transport,
  slots: readonly Slot[],
  codecOrder: readonly Codec[],
  version: number,
  rids: readonly string[] = [],
): string {
  const video = orderPayloads(offer.video.payloads, codecOrder);
  const feedback = (kind: Kind): RemoteSource | undefined =>
    offer.bridgeSources.find((source) => source.kind === kind);
  const lines: Line[] = [
    sendLine(MID.audio, 'audio', feedback('audio')),
    sendLine(MID.camera, 'video', feedback('video'), rids),
    sendLine(MID.screen, 'video', undefined),
    ...slots.map((slot): Line => ({
      mid: slot.mid,
      kind: slot.kind,
      direction: slot.ssrc === null ? 'inactive' : 'sendonly',
      ssrc: slot.ssrc,
      rtx: slot.rtx,
      msid: `remote-${slot.mid} remote-track-${slot.mid}`,
      rids: [],
    })),
  ];
  const describesFrames = codecFromName(video[0]?.name) === 'av1';
  const extensionsOf = (line: Line): MediaDescription['extensions'] =>
    offer[line.kind].extensions.filter(
      ({ uri }) =>
        !UNUSED_EXTENSIONS.has(uri) &&
        (uri !== DEPENDENCY_DESCRIPTOR || describesFrames || line.direction === 'sendonly'),
    );
  const sections = lines.map((line, index) =>
    mediaLines(
      line,
      extensionsOf(line),
      line.kind === 'audio' ? offer.audio.payloads : video,
      transport,
      index === 0,
    ),
  );
  if (offer.sctpPort !== null) {
    sections.splice(3, 0, [
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      ...transportLines(transport, false),
      `a=mid:${MID.data}`,
      `a=sctp-port:${offer.sctpPort}`,
      'a=max-message-size:262144',
    ]);
  }
  const mids = sections.map((section) =>
    section.find((text) => text.startsWith('a=mid:'))?.slice('a=mid:'.length),
  );
  return [
    'v=0',
    `o=- 1 ${version} IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS *',
    ...sections.flat(),
    '',
  ].join('\r\n');
}
