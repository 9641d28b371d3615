import { computed, signal } from '@preact/signals';
import type { Conference, EndReason, Phase } from '../client/conference';
import type { Settings } from '../client/config';
import type { Devices, MediaProblem } from '../client/localMedia';
import { sourceName, type ReceivedSource } from '../client/mediaSession';
import type { Place, Refusal } from '../client/roomName';
import type { ChatMessage, Participant } from '../client/roomState';
import type { Quality } from '../client/stats';
import { stageTile, type TileKey } from './layout';

/** What the page shows at large. */
export type View = 'start' | 'prejoin' | 'meeting' | 'ended' | 'broken';

export interface Toast {
  id: number;
  text: string;
  kind: 'info' | 'error';
}

export const settings = signal<Settings | null>(null);
export const place = signal<Place>({ tenant: '', room: '' });
/** Why the address means no room. */
export const refusal = signal<Refusal | null>(null);
export const view = signal<View>('start');
export const conference = signal<Conference | null>(null);
export const phase = signal<Phase>('connecting');
/** Once in, the meeting stays on screen while the connection comes back. */
export const hasJoined = signal(false);
export const passwordWrong = signal(false);
export const ended = signal<{ reason: EndReason; detail: string | null }>({
  reason: 'left',
  detail: null,
});

export const devices = signal<Devices>({ microphones: [], cameras: [], speakers: [] });
export const microphone = signal<MediaStreamTrack | null>(null);
export const camera = signal<MediaStreamTrack | null>(null);
export const screen = signal<MediaStreamTrack | null>(null);
export const micMuted = signal(true);
export const cameraOff = computed(() => camera.value === null);
export const opening = signal(false);
export const problems = signal<{ microphone: MediaProblem | null; camera: MediaProblem | null }>({
  microphone: null,
  camera: null,
});

export const participants = signal<readonly Participant[]>([]);
export const received = signal<ReadonlyMap<string, ReceivedSource>>(new Map());
export const dominant = signal<string | null>(null);
export const inactive = signal<ReadonlySet<string>>(new Set());
export const signallingLost = signal(false);
export const mediaLost = signal(false);
export const bridgeMissing = signal(false);
export const locked = signal(false);
export const quality = signal<Quality>('good');
export const handRaised = signal(false);

export const messages = signal<readonly ChatMessage[]>([]);
export const unread = signal(0);
export const chatTo = signal<string | null>(null);

export type Panel = 'none' | 'chat' | 'people';
export type Dialog = 'none' | 'settings' | 'lock' | 'shortcuts' | 'remove';
export const panel = signal<Panel>('none');
export const dialog = signal<Dialog>('none');
export const layout = signal<'tiles' | 'speaker'>('tiles');
/** Whom the `remove` dialog is about. */
export const removing = signal<string | null>(null);
export const pinned = signal<string | null>(null);
export const toasts = signal<readonly Toast[]>([]);
/** Said by screen readers as it changes. */
export const announcement = signal('');
export const soundBlocked = signal(false);
/** Held push-to-talk key. */
export const talking = signal(false);

export const self = computed(() => participants.value.find((participant) => participant.isLocal));
export const isModerator = computed(() => self.value?.isModerator ?? false);

export interface Tile extends TileKey {
  name: string;
  audioMuted: boolean;
  /** No picture is to be expected. */
  videoOff: boolean;
  handRaised: boolean;
}

function isDesktop(name: string, participant: Participant): boolean {
  return participant.sources[name]?.videoType === 'desktop';
}

/** Every tile there is: ourselves first, then the others as they came, screens before cameras. */
export const tiles = computed<readonly Tile[]>(() => {
  const result: Tile[] = [];
  const people = [...participants.value].sort((a, b) => Number(b.isLocal) - Number(a.isLocal));
  for (const participant of people) {
    const { id, isLocal } = participant;
    const common = {
      participant: id,
      isLocal,
      name: participant.name,
      handRaised: participant.raisedHandAt > 0,
      audioMuted: isLocal
        ? micMuted.value
        : (participant.sources[sourceName(id, 'audio')]?.muted ?? true),
    };
    const videos = Object.keys(participant.sources).filter((name) => /-v\d+$/.test(name));
    for (const name of videos) {
      if (!isDesktop(name, participant) || participant.sources[name]?.muted) continue;
      result.push({ ...common, source: name, isScreen: true, videoOff: false });
    }
    const cameraName =
      videos.find((name) => !isDesktop(name, participant)) ?? sourceName(id, 'camera');
    result.push({
      ...common,
      source: cameraName,
      isScreen: false,
      videoOff: isLocal ? cameraOff.value : (participant.sources[cameraName]?.muted ?? true),
    });
  }
  return result;
});

const lastOnStage = { source: null as string | null };

export const onStage = computed(() => {
  const tile = stageTile(tiles.value, pinned.value, dominant.value, lastOnStage.source);
  lastOnStage.source = tile?.source ?? null;
  return tile?.source ?? null;
});

export function nameOf(id: string | null): string {
  return participants.value.find((participant) => participant.id === id)?.name ?? '';
}
