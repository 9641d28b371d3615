import xml, { type Element } from '@xmpp/xml';
import { NS } from './ns';

/** The node that Jitsi clients put in their capabilities (XEP-0115). */
export const CAPS_NODE = 'https://jitsi.org/jitsi-meet';

const IDENTITY = { category: 'client', type: 'web', name: 'Shoal' };

/** What focus offers us follows from this list (XEP-0030 features). */
export const FEATURES: readonly string[] = [
  'http://jabber.org/protocol/caps',
  'http://jabber.org/protocol/disco#info',
  'http://jitsi.org/json-encoded-sources',
  'http://jitsi.org/receive-multiple-video-streams',
  'http://jitsi.org/remb',
  'http://jitsi.org/source-name',
  'http://jitsi.org/ssrc-rewriting-1',
  'http://jitsi.org/tcc',
  'urn:ietf:rfc:4588',
  'urn:ietf:rfc:5761',
  'urn:ietf:rfc:5888',
  'urn:xmpp:jingle:1',
  'urn:xmpp:jingle:apps:dtls:0',
  'urn:xmpp:jingle:apps:rtp:1',
  'urn:xmpp:jingle:apps:rtp:audio',
  'urn:xmpp:jingle:apps:rtp:video',
  'urn:xmpp:jingle:transports:dtls-sctp:1',
  'urn:xmpp:jingle:transports:ice-udp:1',
];

/** The verification string of XEP-0115 §5.1 for our identity and features. */
export async function capsVersion(features: readonly string[] = FEATURES): Promise<string> {
  const { category, type, name } = IDENTITY;
  const input = [`${category}/${type}//${name}`, ...[...features].sort()].join('<') + '<';
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(input));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

/** Answer to a disco#info query; `node` is echoed as XEP-0030 §3.2 asks. */
export function discoInfo(node: string | undefined): Element {
  return xml(
    'query',
    { xmlns: NS.discoInfo, node },
    xml('identity', IDENTITY),
    ...FEATURES.map((feature) => xml('feature', { var: feature })),
  );
}
