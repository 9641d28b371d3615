import xml, { type Element } from '@xmpp/xml';
import { NS } from './ns';
import type { VideoType } from './presence';

export type Kind = 'audio' | 'video';

/**
 * What the SSRCs of a group are to each other: a stream and its retransmission (RFC 4588), the layers of
 * one picture, or a stream and its forward error correction (RFC 5956 §4.3).
 */
const SEMANTICS = ['FID', 'SIM', 'FEC-FR'] as const;

export type Semantics = (typeof SEMANTICS)[number];

export interface SsrcGroup {
  semantics: Semantics;
  ssrcs: readonly number[];
}

/** Null for semantics that nobody here knows. */
export function semanticsOf(text: unknown): Semantics | null {
  return SEMANTICS.find((one) => one === text) ?? null;
}

/** A source that somebody else sends, as far as a receiver needs to know it. */
export interface RemoteSource {
  name: string;
  owner: string;
  kind: Kind;
  ssrc: number;
  rtx: number | null;
  videoType: VideoType;
}

/** A source that we send. */
export interface LocalSource {
  name: string;
  kind: Kind;
  ssrcs: readonly number[];
  groups: readonly SsrcGroup[];
  /** Stream and track id; the same for every SSRC of the source, of no other source. */
  msid: string;
  videoType: VideoType;
}

/** The owner name under which the bridge's own feedback sources are signalled. */
export const BRIDGE_OWNER = 'jvb';

interface RawSource {
  ssrc: number;
  name: string;
  videoType: VideoType;
}

function isSsrc(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 32;
}

/**
 * One remote source per name: its first SSRC that repairs no other one, and the RTX SSRC that an FID group pairs with it. Forward
 * error correction is not received.
 */
function collect(
  owner: string,
  kind: Kind,
  sources: RawSource[],
  groups: SsrcGroup[],
): RemoteSource[] {
  const repair = new Map<number, number>();
  const secondary = new Set<number>();
  for (const { semantics, ssrcs } of groups) {
    const [first, second] = ssrcs;
    if (semantics === 'FID' && first !== undefined && second !== undefined) {
      repair.set(first, second);
      secondary.add(second);
    } else {
      for (const ssrc of ssrcs.slice(1)) secondary.add(ssrc);
    }
  }
  const byName = new Map<string, RemoteSource>();
  for (const { ssrc, name, videoType } of sources) {
    if (secondary.has(ssrc) || byName.has(name)) continue;
    byName.set(name, { name, owner, kind, ssrc, rtx: repair.get(ssrc) ?? null, videoType });
  }
  return [...byName.values()];
}

function parseRaw(list: unknown, fallbackName: string): RawSource[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { s, n, v } = entry as Record<string, unknown>;
    if (!isSsrc(s)) return [];
    return [
      {
        ssrc: s,
        name: typeof n === 'string' ? n : fallbackName,
        videoType: v === 'd' ? ('desktop' as const) : ('camera' as const),
      },
    ];
  });
}

function parseGroups(list: unknown): SsrcGroup[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (!Array.isArray(entry)) return [];
    const [word, ...ssrcs] = entry as unknown[];
    const semantics = semanticsOf(word === 'f' ? 'FID' : word === 's' ? 'SIM' : word);
    return semantics && ssrcs.every(isSsrc) ? [{ semantics, ssrcs }] : [];
  });
}

/** The compact form: `{"sources":{"OWNER":[video, videoGroups, audio, audioGroups?]}}`. */
export function parseJsonSources(text: string): RemoteSource[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  const sources = (parsed as { sources?: unknown } | null)?.sources;
  if (typeof sources !== 'object' || sources === null) return [];
  return Object.entries(sources).flatMap(([owner, lists]) => {
    if (!Array.isArray(lists)) return [];
    const [video, videoGroups, audio, audioGroups] = lists as unknown[];
    return [
      ...collect(owner, 'video', parseRaw(video, `${owner}-v0`), parseGroups(videoGroups)),
      ...collect(owner, 'audio', parseRaw(audio, `${owner}-a0`), parseGroups(audioGroups)),
    ];
  });
}

/** The classic form: XEP-0339 sources inside the description of a Jingle content. */
export function parseXmlSources(description: Element): RemoteSource[] {
  const kind: Kind = description.attrs.media === 'audio' ? 'audio' : 'video';
  const groups = description.getChildren('ssrc-group', NS.ssma).flatMap((group): SsrcGroup[] => {
    const semantics = semanticsOf(group.attrs.semantics);
    const ssrcs = group.getChildren('source').map((source) => Number(source.attrs.ssrc));
    return semantics && ssrcs.every(isSsrc) ? [{ semantics, ssrcs }] : [];
  });
  const byOwner = new Map<string, RawSource[]>();
  for (const source of description.getChildren('source', NS.ssma)) {
    const ssrc = Number(source.attrs.ssrc);
    const owner = source.getChild('ssrc-info', NS.jitmeet)?.attrs.owner?.split('/').pop();
    if (!isSsrc(ssrc) || !owner) continue;
    const list = byOwner.get(owner) ?? [];
    byOwner.set(owner, list);
    list.push({
      ssrc,
      name: source.attrs.name ?? `${owner}-${kind.charAt(0)}0`,
      videoType: source.attrs.videoType === 'desktop' ? 'desktop' : 'camera',
    });
  }
  return [...byOwner].flatMap(([owner, list]) => collect(owner, kind, list, groups));
}

/** Sources of a `<jingle>` payload in whichever form it carries them. */
export function parseSources(jingle: Element): RemoteSource[] {
  const json = jingle.getChild('json-message', NS.jitmeet);
  if (json) return parseJsonSources(json.text());
  return jingle.getChildren('content').flatMap((content) => {
    const description = content.getChild('description', NS.rtp);
    return description ? parseXmlSources(description) : [];
  });
}

/** Our source in the classic form, which every focus reads. */
export function buildXmlSource(source: LocalSource): Element[] {
  return [
    ...source.ssrcs.map((ssrc) =>
      xml(
        'source',
        {
          xmlns: NS.ssma,
          ssrc,
          name: source.name,
          videoType: source.kind === 'video' ? source.videoType : null,
        },
        xml('parameter', { name: 'msid', value: source.msid }),
      ),
    ),
    ...source.groups.map((group) =>
      xml(
        'ssrc-group',
        { xmlns: NS.ssma, semantics: group.semantics },
        ...group.ssrcs.map((ssrc) => xml('source', { ssrc })),
      ),
    ),
  ];
}
