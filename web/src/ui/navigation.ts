import { displayRoomName, roomNameFrom } from '../client/roomName';
import { room, view } from './state';
import { t } from './strings';

/** The address decides between the start page and a room. */
export function readAddress(): void {
  const name = roomNameFrom(location.pathname);
  room.value = name;
  view.value = name === '' ? 'start' : 'prejoin';
  document.title = name === '' ? t.product : `${displayRoomName(name)} – ${t.product}`;
}

export function openRoom(name: string): void {
  history.pushState(null, '', `/${name}${location.search}`);
  readAddress();
}

export function goHome(): void {
  history.pushState(null, '', `/${location.search}`);
  readAddress();
}
