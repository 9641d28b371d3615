import xml, { type Element } from '@xmpp/xml';
import { NS } from './ns';
import {
  BRIDGE_OWNER,
  buildXmlSource,
  parseSources,
  type Kind,
  type LocalSource,
  type RemoteSource,
} from './sources';

export interface Candidate {
  foundation: string;
  component: string;
  protocol: string;
  priority: string;
  ip: string;
  port: string;
  type: string;
  relatedAddress: string | null;
  relatedPort: string | null;
}

export interface Transport {
  ufrag: string;
  pwd: string;
  fingerprint: { hash: string; value: string; setup: string } | null;
  candidates: readonly Candidate[];
  webSocketUrls: readonly string[];
  /** Set on a transport-info that restarts ICE in place. */
  iceGeneration: number | null;
}

export interface Payload {
  id: number;
  name: string;
  clockrate: number;
  channels: number;
  parameters: readonly (readonly [string, string])[];
  feedback: readonly string[];
}

export interface MediaDescription {
  payloads: readonly Payload[];
  extensions: readonly { id: number; uri: string }[];
}

/** A session-initiate, read. */
export interface Offer {
  sid: string;
  initiator: string;
  bridgeSessionId: string | null;
  transport: Transport;
  audio: MediaDescription;
  video: MediaDescription;
  sctpPort: number | null;
  /** What others send; empty when the bridge announces sources itself (SSRC rewriting). */
  sources: readonly RemoteSource[];
  bridgeSources: readonly RemoteSource[];
  startMuted: { audio: boolean; video: boolean };
}

export class OfferError extends Error {}

export function parseTransport(element: Element): Transport {
  const print = element.getChild('fingerprint', NS.dtls);
  const generation = Number(element.attrs['ice-generation'] ?? NaN);
  return {
    ufrag: element.attrs.ufrag ?? '',
    pwd: element.attrs.pwd ?? '',
    fingerprint: print
      ? {
          hash: print.attrs.hash ?? 'sha-256',
          value: print.text().trim(),
          setup: print.attrs.setup ?? 'actpass',
        }
      : null,
    candidates: element.getChildren('candidate').map(({ attrs }) => ({
      foundation: attrs.foundation ?? '1',
      component: attrs.component ?? '1',
      protocol: attrs.protocol ?? 'udp',
      priority: attrs.priority ?? '1',
      ip: attrs.ip ?? '',
      port: attrs.port ?? '',
      type: attrs.type ?? 'host',
      relatedAddress: attrs['rel-addr'] ?? null,
      relatedPort: attrs['rel-port'] ?? null,
    })),
    webSocketUrls: element
      .getChildren('web-socket', NS.colibri)
      .flatMap((socket) => (socket.attrs.url ? [socket.attrs.url] : [])),
    iceGeneration: Number.isFinite(generation) ? generation : null,
  };
}

function parseDescription(description: Element | undefined): MediaDescription {
  if (!description) return { payloads: [], extensions: [] };
  return {
    payloads: description.getChildren('payload-type').map((payload) => ({
      id: Number(payload.attrs.id),
      name: payload.attrs.name ?? '',
      clockrate: Number(payload.attrs.clockrate ?? 90000),
      channels: Number(payload.attrs.channels ?? 1),
      parameters: payload
        .getChildren('parameter')
        .map(({ attrs }) => [attrs.name ?? '', attrs.value ?? ''] as const),
      feedback: payload
        .getChildren('rtcp-fb')
        .map(({ attrs }) => [attrs.type, attrs.subtype].filter(Boolean).join(' ')),
    })),
    extensions: description.getChildren('rtp-hdrext').map(({ attrs }) => ({
      id: Number(attrs.id),
      uri: attrs.uri ?? '',
    })),
  };
}

/** Reads a session-initiate of focus. */
export function parseOffer(jingle: Element): Offer {
  const contents = jingle.getChildren('content');
  const named = (name: string): Element | undefined =>
    contents.find((content) => content.attrs.name === name);
  const transportOf = (content: Element | undefined): Element | undefined =>
    content?.getChild('transport', NS.iceUdp);
  const transport = transportOf(named('audio')) ?? transportOf(named('video'));
  if (!transport) throw new OfferError('the offer has no transport');
  const parsed = parseTransport(transport);
  if (!parsed.ufrag || !parsed.pwd || !parsed.fingerprint) {
    throw new OfferError('the transport of the offer has no ufrag, pwd or fingerprint');
  }
  const map = transportOf(named('data'))?.getChild('sctpmap', NS.sctp);
  const sources = parseSources(jingle);
  const startMuted = jingle.getChild('startmuted', NS.startMuted);
  return {
    sid: jingle.attrs.sid ?? '',
    initiator: jingle.attrs.initiator ?? '',
    bridgeSessionId: jingle.getChild('bridge-session', NS.focus)?.attrs.id ?? null,
    transport: parsed,
    audio: parseDescription(named('audio')?.getChild('description', NS.rtp)),
    video: parseDescription(named('video')?.getChild('description', NS.rtp)),
    sctpPort: named('data') ? Number(map?.attrs.number ?? 5000) : null,
    sources: sources.filter((source) => source.owner !== BRIDGE_OWNER),
    bridgeSources: sources.filter((source) => source.owner === BRIDGE_OWNER),
    startMuted: {
      audio: startMuted?.attrs.audio === 'true',
      video: startMuted?.attrs.video === 'true',
    },
  };
}

/** Our end of the transport, out of the local description. */
export interface LocalTransport {
  ufrag: string;
  pwd: string;
  hash: string;
  fingerprint: string;
  setup: string;
}

function buildTransport(local: LocalTransport, iceGeneration?: number): Element {
  return xml(
    'transport',
    {
      xmlns: NS.iceUdp,
      ufrag: local.ufrag,
      pwd: local.pwd,
      'ice-generation': iceGeneration,
    },
    xml('fingerprint', { xmlns: NS.dtls, hash: local.hash, setup: local.setup }, local.fingerprint),
  );
}

function buildPayload(payload: Payload): Element {
  return xml(
    'payload-type',
    {
      id: payload.id,
      name: payload.name,
      clockrate: payload.clockrate,
      channels: payload.channels > 1 ? payload.channels : null,
    },
    ...payload.parameters.map(([name, value]) => xml('parameter', { name, value })),
    ...payload.feedback.map((feedback) => {
      const [type, subtype] = feedback.split(' ');
      return xml('rtcp-fb', { xmlns: NS.rtcpFb, type, subtype });
    }),
  );
}

export function jingle(action: string, sid: string, ...children: (Element | null)[]): Element {
  return xml('jingle', { xmlns: NS.jingle, action, sid }, ...children);
}

/** The answer to `offer` (XEP-0166 session-accept); `payloadOrder` is the video codecs' order. */
export function buildAccept(
  offer: Offer,
  local: LocalTransport,
  sources: readonly LocalSource[],
  responder: string,
): Element {
  const content = (kind: Kind): Element => {
    const media = offer[kind];
    return xml(
      'content',
      { creator: 'responder', name: kind, senders: 'both' },
      xml(
        'description',
        { xmlns: NS.rtp, media: kind },
        ...media.payloads.map(buildPayload),
        ...sources.filter((source) => source.kind === kind).flatMap(buildXmlSource),
        xml('rtcp-mux'),
        ...media.extensions.map(({ id, uri }) => xml('rtp-hdrext', { xmlns: NS.hdrext, id, uri })),
        xml('extmap-allow-mixed', { xmlns: NS.hdrext }),
      ),
      buildTransport(local),
    );
  };
  const names = offer.sctpPort === null ? ['audio', 'video'] : ['audio', 'video', 'data'];
  const accept = jingle(
    'session-accept',
    offer.sid,
    xml(
      'group',
      { xmlns: NS.grouping, semantics: 'BUNDLE' },
      ...names.map((name) => xml('content', { name })),
    ),
    content('audio'),
    content('video'),
  );
  accept.attrs.initiator = offer.initiator;
  accept.attrs.responder = responder;
  return accept;
}

/** source-add or source-remove of one of our sources. */
export function buildSourceChange(
  action: 'source-add' | 'source-remove',
  sid: string,
  source: LocalSource,
): Element {
  return jingle(
    action,
    sid,
    xml(
      'content',
      { creator: 'responder', name: source.kind },
      xml('description', { xmlns: NS.rtp, media: source.kind }, ...buildXmlSource(source)),
    ),
  );
}

/** Our half of an ICE restart in place: new credentials, tagged with the generation they answer. */
export function buildIceRestartAnswer(
  sid: string,
  local: LocalTransport,
  iceGeneration: number,
): Element {
  return jingle(
    'transport-info',
    sid,
    xml('content', { creator: 'initiator', name: 'audio' }, buildTransport(local, iceGeneration)),
  );
}

/** Asks focus to have the bridge restart ICE in place. */
export function buildIceRestartRequest(sid: string, bridgeSessionId: string): Element {
  return jingle(
    'session-info',
    sid,
    xml('bridge-session', { xmlns: NS.focus, id: bridgeSessionId, 'ice-restart': 'true' }),
  );
}

/** Ends the session; with `restart`, focus offers a new one. */
export function buildTerminate(
  sid: string,
  reason: 'success' | 'connectivity-error',
  bridgeSessionId: string | null,
  restart: boolean,
): Element {
  return jingle(
    'session-terminate',
    sid,
    xml('reason', {}, xml(reason), restart ? xml('text', {}, 'ICE FAILED') : null),
    bridgeSessionId === null
      ? null
      : xml('bridge-session', {
          xmlns: NS.focus,
          id: bridgeSessionId,
          restart: restart ? 'true' : null,
        }),
  );
}
