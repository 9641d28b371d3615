import { batch } from '@preact/signals';
import { Conference } from '../client/conference';
import { pathOf } from '../client/roomName';
import type { Participant } from '../client/roomState';
import { connectionQuality, type SessionStats } from '../client/stats';
import { closeAll, closeCamera, publishAll, setMuted, stopScreen } from './devices';
import { announce, notify } from './notices';
import { preferences } from './preferences';
import * as state from './state';
import { t } from './strings';

/** Milliseconds between two looks at the connection. */
const QUALITY_INTERVAL = 3000;

let qualityTimer: ReturnType<typeof setInterval> | undefined;

function displayName(): string {
  return preferences.value.name.trim() || t.guest;
}

/** Walks into the room with the devices as they are in the preview. */
export function joinMeeting(): void {
  const settings = state.settings.value;
  if (!settings) return;
  const codec = preferences.value.codec;
  const wished = new URLSearchParams(location.search).has('codec') ? null : codec;
  const codecs = wished
    ? [wished, ...settings.codecs.filter((other) => other !== wished)]
    : settings.codecs;
  const conference = new Conference({ ...settings, codecs }, state.place.value, displayName());
  batch(() => {
    state.conference.value = conference;
    state.hasJoined.value = false;
    state.passwordWrong.value = false;
    state.participants.value = [];
    state.received.value = new Map();
    state.messages.value = [];
    state.unread.value = 0;
    state.dominant.value = null;
    state.pinned.value = null;
    state.panel.value = 'none';
    state.dialog.value = 'none';
    state.layout.value = 'tiles';
    state.signallingLost.value = false;
    state.mediaLost.value = false;
    state.bridgeMissing.value = false;
    state.handRaised.value = false;
    state.view.value = 'meeting';
  });
  wire(conference);
  void publishAll();
  conference.join();
  watchQuality(conference);
}

export async function leaveMeeting(): Promise<void> {
  await state.conference.value?.leave();
}

export function setName(name: string): void {
  state.conference.value?.setName(name.trim() || t.guest);
}

export function toggleHand(): void {
  state.handRaised.value = !state.handRaised.value;
  state.conference.value?.raiseHand(state.handRaised.value);
}

export function openPanel(panel: state.Panel): void {
  state.panel.value = state.panel.value === panel ? 'none' : panel;
  if (state.panel.value === 'chat') state.unread.value = 0;
}

/** Runs something that the server may refuse. */
export async function attempt(action: Promise<unknown> | undefined): Promise<boolean> {
  try {
    await action;
    return true;
  } catch {
    notify(t.notice.actionFailed, 'error');
    return false;
  }
}

export function inviteLink(): string {
  return location.origin + pathOf(state.place.value);
}

export async function copyInvite(): Promise<void> {
  try {
    await navigator.clipboard.writeText(inviteLink());
    notify(t.notice.copied);
  } catch {
    notify(t.notice.copyFailed(inviteLink()));
  }
}

function wire(conference: Conference): void {
  conference.on('phase', (phase) => {
    batch(() => {
      state.phase.value = phase;
      if (phase === 'joined') state.hasJoined.value = true;
    });
  });
  conference.on('ended', (ended) => {
    clearInterval(qualityTimer);
    closeAll();
    batch(() => {
      state.ended.value = ended;
      state.conference.value = null;
      state.view.value = 'ended';
    });
  });
  conference.on('passwordWrong', () => (state.passwordWrong.value = true));
  conference.on('participants', (people) => participantsChanged(people));
  conference.on('joinedParticipant', ({ name }) => notify(t.notice.joined(name || t.guest)));
  conference.on('leftParticipant', ({ name }) => notify(t.notice.left(name || t.guest)));
  conference.on('received', (received) => (state.received.value = received));
  conference.on('dominantSpeaker', (id) => (state.dominant.value = id));
  conference.on('inactive', (inactive) => (state.inactive.value = inactive));
  conference.on('signalling', ({ lost }) => {
    if (state.signallingLost.value && !lost) notify(t.notice.back);
    state.signallingLost.value = lost;
  });
  conference.on('media', ({ lost }) => (state.mediaLost.value = lost));
  conference.on('bridgeMissing', (missing) => (state.bridgeMissing.value = missing));
  conference.on('locked', (locked) => {
    if (state.locked.value !== locked && state.participants.value.length > 0) {
      announce(locked ? t.notice.locked : t.notice.unlocked);
    }
    state.locked.value = locked;
  });
  conference.on('chat', (message) => {
    state.messages.value = [...state.messages.value.slice(-999), message];
    if (message.isLocal || state.panel.value === 'chat') return;
    state.unread.value += 1;
    notify(t.notice.chatFrom(message.name || t.guest, message.text.slice(0, 120)));
  });
  conference.on('mutedBy', ({ kind, actor }) => {
    const name = state.nameOf(actor) || t.notice.aModerator;
    if (kind === 'audio') {
      void setMuted(true);
      notify(t.notice.mutedBy(name));
    } else if (kind === 'video') {
      void closeCamera();
      notify(t.notice.cameraOffBy(name));
    } else {
      void stopScreen();
      notify(t.notice.screenOffBy(name));
    }
  });
  conference.on('startMuted', ({ audio, video }) => {
    if (audio) void setMuted(true);
    if (video) void closeCamera();
    notify(t.notice.startMuted);
  });
}

function participantsChanged(people: readonly Participant[]): void {
  const before = state.participants.value;
  const wasModerator = state.isModerator.value;
  const hadScreen = state.tiles.value.some((tile) => tile.isScreen && !tile.isLocal);
  state.participants.value = people;
  if (!wasModerator && state.isModerator.value && before.length > 0 && people.length > 1) {
    notify(t.notice.nowModerator);
  }
  for (const { id, name, isLocal, raisedHandAt } of people) {
    if (isLocal || raisedHandAt === 0) continue;
    const earlier = before.find((participant) => participant.id === id);
    if (earlier?.raisedHandAt === 0) notify(t.notice.raised(name || t.guest));
  }
  const hasScreen = state.tiles.value.some((tile) => tile.isScreen && !tile.isLocal);
  if (!hadScreen && hasScreen) state.layout.value = 'speaker';
  if (hadScreen && !hasScreen && state.pinned.value === null) state.layout.value = 'tiles';
  if (state.pinned.value && !state.tiles.value.some((tile) => tile.source === state.pinned.value)) {
    state.pinned.value = null;
  }
}

function watchQuality(conference: Conference): void {
  let before: SessionStats | null = null;
  clearInterval(qualityTimer);
  qualityTimer = setInterval(() => {
    void conference.stats().then((now) => {
      if (now && before) state.quality.value = connectionQuality(before, now);
      before = now;
    });
  }, QUALITY_INTERVAL);
}
