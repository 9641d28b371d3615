/** Characters that RFC 7622 §3.3.1 forbids in the local part of an address, and white space. */
const FORBIDDEN = /["&'/:<>@\s]/g;

/**
 * The room that a URL path or a typed name means: the local part of its address, lower case, with
 * anything outside ASCII percent-encoded. Empty when nothing usable is left.
 */
export function roomNameFrom(text: string): string {
  let name = text.replace(/^\/+|\/+$/g, '');
  try {
    name = decodeURIComponent(name);
  } catch {
    // A stray percent sign stands for itself.
  }
  name = name.normalize('NFKC').trim().replace(/\s+/g, '-').replace(FORBIDDEN, '').toLowerCase();
  return encodeURIComponent(name).toLowerCase().slice(0, 200);
}

/** The name as people read it. */
export function displayRoomName(room: string): string {
  try {
    return decodeURIComponent(room);
  } catch {
    return room;
  }
}
