/** Where a meeting is. */
export interface Place {
  /** The label between `muc.` and the domain; empty without one. */
  readonly tenant: string;
  /** Local part of the room's address: ASCII, lower case. */
  readonly room: string;
}

export type Refusal = 'empty' | 'tooLong' | 'apostrophe' | 'tenant';

/** Bytes in the local part of an address (RFC 7622 §3.3). */
const LONGEST = 1023;
/** A label of a domain (RFC 1035 §2.3.4). */
const TENANT = /^[a-z0-9_-]{1,63}$/;

/** Signs that a name or a tenant loses where they stand for themselves. Percent-encoded they stay. */
const LEFT_OUT = /[:?#[\]@!$&'()*+,;=></"]/g;

/**
 * What a link or a typed name means, by the rule of the Jitsi Meet app, because a room is what clients
 * send (`parseURIString` and `getBackendSafeRoomName` of its `uri.ts`). A name that is too long is
 * refused: what is left of a name that was cut is another meeting's.
 */
export function readPlace(text: string): Place | Refusal {
  const path = text
    .replace(/\s/g, '')
    .replace(/^([a-z][a-z0-9.+-]*:)+/i, '')
    .replace(/^\/\/[^/?#]+/, '')
    .replace(/[?#].*$/, '');
  const parts = path.split('/').map((part) => part.replace(LEFT_OUT, ''));
  const name = parts.pop() ?? '';
  const written = parts.join('/').replace(/^\//, '');
  const room = canonicalRoom(name);
  if (room === '') return 'empty';
  if (room.length > LONGEST) return 'tooLong';
  // RFC 7622 §3.3.1 forbids it, and `encodeURIComponent` leaves it as it is.
  if (room.includes("'")) return 'apostrophe';
  const tenant = plain(written).replaceAll('.', '_');
  return tenant === '' || TENANT.test(tenant) ? { tenant, room } : 'tenant';
}

/**
 * The local part of the address of the room with this name, which may be percent-encoded already: lower
 * case, with anything that is not plain ASCII encoded.
 */
export function canonicalRoom(name: string): string {
  return encodeURIComponent(plain(name)).toLowerCase();
}

/** The room's address; `[tenant]room` where the rooms' domain has no place for a tenant. */
export function roomAddress(place: Place, muc: string, domain: string): string {
  const { tenant, room } = place;
  if (tenant === '') return `${room}@${muc}`;
  return muc.endsWith(`.${domain}`)
    ? `${room}@${muc.slice(0, -domain.length)}${tenant}.${domain}`
    : `[${tenant}]${room}@${muc}`;
}

/** The path of a link to it. */
export function pathOf({ tenant, room }: Place): string {
  // What `encodeURIComponent` leaves as it is would be left out of a link.
  const name = room.replace(
    /[!()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return tenant === '' ? `/${name}` : `/${tenant}/${name}`;
}

/** The address of a request that concerns it: by the name the front door finds the shard. */
export function withPlace(address: string, { tenant, room }: Place): string {
  const url = new URL(address);
  url.searchParams.set('room', displayRoomName(room));
  if (tenant !== '') url.searchParams.set('prefix', tenant);
  return url.href;
}

/** The name as people read it. */
export function displayRoomName(room: string): string {
  return decoded(room);
}

function plain(text: string): string {
  // Half a surrogate pair can be typed, but not encoded.
  return decoded(text)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{Surrogate}/gu, '\ufffd');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign stands for itself.
    return text;
  }
}
