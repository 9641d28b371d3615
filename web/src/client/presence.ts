import xml, { type Element } from '@xmpp/xml';
import { CAPS_NODE } from './caps';
import type { Codec } from './codecs';
import { NS } from './ns';

export type VideoType = 'camera' | 'desktop';

/** What presence says about one source. */
export interface SourceState {
  muted: boolean;
  videoType?: VideoType;
}

export type SourceInfo = Readonly<Record<string, SourceState>>;

/** What we tell the room about ourselves. */
export interface OwnPresence {
  name: string;
  capsVersion: string;
  codecs: readonly Codec[];
  sources: SourceInfo;
  /** Milliseconds since the epoch; 0 is a lowered hand. */
  raisedHandAt: number;
}

/**
 * Our presence to `occupant`; with `join`, the first one (XEP-0045 §7.2). That says that we keep what the
 * room lets us keep of it, and gives back what we have, which only the server can read.
 */
export function buildPresence(
  occupant: string,
  own: OwnPresence,
  join?: { password: string | null; memory: string | null },
): Element {
  return xml(
    'presence',
    { to: occupant },
    join && xml('x', { xmlns: NS.muc }, join.password ? xml('password', {}, join.password) : null),
    join && xml('memory', { xmlns: NS.roomMemory }, join.memory ?? ''),
    xml('c', { xmlns: NS.caps, hash: 'sha-1', node: CAPS_NODE, ver: own.capsVersion }),
    xml('SourceInfo', {}, JSON.stringify(own.sources)),
    xml('jitsi_participant_codecList', {}, own.codecs.join(',')),
    own.raisedHandAt > 0 ? xml('jitsi_participant_raisedHand', {}, String(own.raisedHandAt)) : null,
    xml('nick', { xmlns: NS.nick }, own.name),
  );
}

/** What presence of another occupant says. */
export interface OccupantPresence {
  nick: string;
  available: boolean;
  name: string;
  realJid: string | null;
  role: string;
  affiliation: string;
  sources: SourceInfo;
  raisedHandAt: number;
  codecs: string | null;
  statusCodes: readonly number[];
  /** Text and author of a kick, where given. */
  reason: string | null;
  actor: string | null;
  /** The room was closed (XEP-0045 §10.9). */
  destroyed: boolean;
  bridgeMissing: boolean;
}

export function parseSourceInfo(text: string | null): SourceInfo {
  if (!text) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const info: Record<string, SourceState> = {};
  for (const [name, value] of Object.entries(parsed).slice(0, 64)) {
    if (typeof value !== 'object' || value === null) continue;
    const { muted, videoType } = value as Record<string, unknown>;
    // A source that does not say otherwise is muted.
    info[name] = {
      muted: muted !== false,
      ...(videoType === 'desktop' || videoType === 'camera' ? { videoType } : {}),
    };
  }
  return info;
}

export function resourceOf(jid: string): string {
  const slash = jid.indexOf('/');
  return slash < 0 ? '' : jid.slice(slash + 1);
}

export function bareOf(jid: string): string {
  return jid.split('/')[0] ?? jid;
}

/** What clients say that do not name their sources. */
function classicSources(stanza: Element, nick: string): SourceInfo {
  const isDesktop = stanza.getChildText('videoType') === 'desktop';
  return {
    [`${nick}-a0`]: { muted: stanza.getChildText('audiomuted') === 'true' },
    [`${nick}-v0`]: {
      muted: stanza.getChildText('videomuted') === 'true',
      ...(isDesktop ? { videoType: 'desktop' as const } : {}),
    },
  };
}

export function parsePresence(stanza: Element): OccupantPresence {
  const user = stanza.getChild('x', NS.mucUser);
  const item = user?.getChild('item');
  const raisedHand = Number(stanza.getChildText('jitsi_participant_raisedHand') ?? 0);
  const nick = resourceOf(stanza.attrs.from ?? '');
  return {
    nick,
    available: stanza.attrs.type !== 'unavailable',
    name: stanza.getChildText('nick', NS.nick) ?? '',
    realJid: item?.attrs.jid ?? null,
    role: item?.attrs.role ?? 'none',
    affiliation: item?.attrs.affiliation ?? 'none',
    sources: stanza.getChild('SourceInfo')
      ? parseSourceInfo(stanza.getChildText('SourceInfo'))
      : classicSources(stanza, nick),
    raisedHandAt: Number.isFinite(raisedHand) && raisedHand > 0 ? raisedHand : 0,
    codecs: stanza.getChildText('jitsi_participant_codecList'),
    statusCodes: (user?.getChildren('status') ?? []).map((status) => Number(status.attrs.code)),
    reason: item?.getChildText('reason') ?? null,
    actor: item?.getChild('actor')?.attrs.nick ?? null,
    destroyed: user?.getChild('destroy') !== undefined,
    bridgeMissing: stanza.getChild('bridgeNotAvailable', NS.focus) !== undefined,
  };
}
