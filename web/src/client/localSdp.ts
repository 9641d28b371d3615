import type { LocalTransport } from './jingle';
import { semanticsOf, type SsrcGroup } from './sources';

/** What one m-line of a local description sends. */
export interface LocalLine {
  ssrcs: readonly number[];
  groups: readonly SsrcGroup[];
}

function splitSections(sdp: string): string[] {
  return sdp.split(/(?=^m=)/m);
}

function linesOf(section: string): string[] {
  return section.split(/\r?\n/).filter((line) => line !== '');
}

function valueOf(lines: readonly string[], prefix: string): string | undefined {
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
}

/** ICE and DTLS parameters of our side; bundled, so the first m-line speaks for all. */
export function localTransport(sdp: string): LocalTransport {
  const lines = linesOf(sdp);
  const ufrag = valueOf(lines, 'a=ice-ufrag:');
  const pwd = valueOf(lines, 'a=ice-pwd:');
  const [hash, fingerprint] = valueOf(lines, 'a=fingerprint:')?.split(' ') ?? [];
  if (!ufrag || !pwd || !hash || !fingerprint) {
    throw new Error('the browser made a description without transport parameters');
  }
  return { ufrag, pwd, hash, fingerprint, setup: valueOf(lines, 'a=setup:') ?? 'active' };
}

/**
 * SSRCs and groups of the m-line `mid`, in the order of the description. Layers that the browser tells
 * apart by RID get the SIM group that this protocol has in their place: the description names an SSRC
 * with its RTX for each, in the order of the RIDs (RFC 8853 §5.2).
 */
export function localLine(sdp: string, mid: string): LocalLine {
  const section = splitSections(sdp).find((text) => linesOf(text).includes(`a=mid:${mid}`));
  const lines = section ? linesOf(section) : [];
  const ssrcs = new Set<number>();
  const groups: SsrcGroup[] = [];
  for (const line of lines) {
    const source = /^a=ssrc:(\d+) /.exec(line);
    if (source) ssrcs.add(Number(source[1]));
    const group = /^a=ssrc-group:(\S+) ([\d ]+)$/.exec(line);
    const semantics = semanticsOf(group?.[1]);
    if (semantics) {
      groups.push({ semantics, ssrcs: (group?.[2] ?? '').trim().split(/\s+/).map(Number) });
    }
  }
  const layers = groups.filter((group) => group.semantics === 'FID').map(({ ssrcs }) => ssrcs[0]);
  if (layers.length > 1 && lines.some((line) => line.startsWith('a=simulcast:send '))) {
    groups.unshift({ semantics: 'SIM', ssrcs: layers.filter((ssrc) => ssrc !== undefined) });
  }
  return { ssrcs: [...ssrcs], groups };
}

/** Number of simulcast layers that a camera is sent in. */
export const SIMULCAST_LAYERS = 3;

/** Their RIDs, lowest layer first. */
export const RIDS: readonly string[] = Array.from({ length: SIMULCAST_LAYERS }, (_, n) => `${n}`);

/**
 * Makes the m-line `mid` of a local description send simulcast by SSRC groups, the form that
 * bridges of this protocol read. The lowest layer keeps the SSRC that is there. A line that has a
 * SIM group already, or no RTX pair to extend, stays as it is.
 */
export function addSimulcast(sdp: string, mid: string, newSsrc: () => number): string {
  const sections = splitSections(sdp);
  const index = sections.findIndex((text) => linesOf(text).includes(`a=mid:${mid}`));
  const section = sections[index];
  if (section === undefined) return sdp;
  const lines = linesOf(section);
  if (lines.some((line) => line.startsWith('a=ssrc-group:SIM'))) return sdp;
  const pair = /^a=ssrc-group:FID (\d+) (\d+)/m.exec(section);
  if (!pair) return sdp;
  const layers = [{ primary: Number(pair[1]), repair: Number(pair[2]) }];
  while (layers.length < SIMULCAST_LAYERS) layers.push({ primary: newSsrc(), repair: newSsrc() });
  const prefix = `a=ssrc:${pair[1]} `;
  const attributes = lines
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));
  const out = lines.filter((line) => !line.startsWith('a=ssrc'));
  out.push(`a=ssrc-group:SIM ${layers.map(({ primary }) => primary).join(' ')}`);
  for (const { primary, repair } of layers) out.push(`a=ssrc-group:FID ${primary} ${repair}`);
  for (const { primary, repair } of layers) {
    for (const ssrc of [primary, repair]) {
      for (const attribute of attributes) out.push(`a=ssrc:${ssrc} ${attribute}`);
    }
  }
  sections[index] = out.join('\r\n') + '\r\n';
  return sections.join('');
}
