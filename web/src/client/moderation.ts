import xml, { type Element } from '@xmpp/xml';
import { NS } from './ns';
import { bareOf } from './presence';

export type Mutable = 'audio' | 'video' | 'desktop';

export const MUTE_NS: Record<Mutable, string> = {
  audio: NS.audioMute,
  video: NS.videoMute,
  desktop: NS.desktopMute,
};

/** Asks focus to have somebody's microphone, camera or screen turned off. */
export function buildMute(kind: Mutable, occupant: string): Element {
  return xml('mute', { xmlns: MUTE_NS[kind], jid: occupant }, 'true');
}

/** XEP-0045 §8.2. */
export function buildKick(nick: string, reason: string): Element {
  return xml(
    'query',
    { xmlns: NS.mucAdmin },
    xml('item', { nick, role: 'none' }, reason ? xml('reason', {}, reason) : null),
  );
}

/** XEP-0045 §10.3: in these meetings an owner is a moderator. */
export function buildGrantOwner(realJid: string): Element {
  return xml(
    'query',
    { xmlns: NS.mucAdmin },
    xml('item', { affiliation: 'owner', jid: bareOf(realJid) }),
  );
}

function field(name: string, value: string): Element {
  return xml('field', { var: name }, xml('value', {}, value));
}

/** Sets the room's password, or with an empty one takes it away (XEP-0045 §10.2). */
export function buildPasswordForm(password: string): Element {
  return xml(
    'query',
    { xmlns: NS.mucOwner },
    xml(
      'x',
      { xmlns: NS.dataForms, type: 'submit' },
      field('FORM_TYPE', NS.roomConfig),
      field('muc#roomconfig_roomsecret', password),
      field('muc#roomconfig_passwordprotectedroom', password ? '1' : '0'),
      field('muc#roomconfig_whois', 'anyone'),
    ),
  );
}
