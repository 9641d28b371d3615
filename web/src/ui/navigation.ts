import { displayRoomName, pathOf, readPlace, type Place } from '../client/roomName';
import { place, refusal, view } from './state';
import { t } from './strings';

/** The address decides between the start page and a room. */
export function readAddress(): void {
  const read = readPlace(location.href);
  const isRefused = typeof read === 'string';
  refusal.value = isRefused && read !== 'empty' ? read : null;
  place.value = isRefused ? { tenant: '', room: '' } : read;
  view.value = isRefused ? 'start' : 'prejoin';
  document.title = isRefused ? t.product : `${displayRoomName(read.room)} – ${t.product}`;
}

export function openRoom(to: Place): void {
  history.pushState(null, '', pathOf(to) + location.search);
  readAddress();
}

export function goHome(): void {
  history.pushState(null, '', `/${location.search}`);
  readAddress();
}
