import {
  listDevices,
  mediaProblem,
  openCamera,
  openMicrophone,
  openScreen,
} from '../client/localMedia';
import { notify } from './notices';
import { prefer, preferences } from './preferences';
import {
  camera,
  conference,
  devices,
  micMuted,
  microphone,
  opening,
  problems,
  screen,
  settings,
  talking,
  view,
} from './state';
import { t } from './strings';

async function publishMicrophone(): Promise<void> {
  const track = microphone.value;
  if (track) track.enabled = !micMuted.value;
  await conference.value?.setDevice('audio', track, micMuted.value);
}

async function publishCamera(): Promise<void> {
  await conference.value?.setDevice('camera', camera.value, camera.value === null);
}

async function publishScreen(): Promise<void> {
  await conference.value?.setDevice('screen', screen.value, screen.value === null);
}

/** Hands the open devices to a conference that begins. */
export async function publishAll(): Promise<void> {
  await Promise.all([publishMicrophone(), publishCamera(), publishScreen()]);
}

export async function refreshDevices(): Promise<void> {
  if (!('mediaDevices' in navigator)) return;
  devices.value = await listDevices();
}

async function startMicrophone(): Promise<boolean> {
  try {
    const track = await openMicrophone(preferences.value.microphone);
    track.addEventListener('ended', () => {
      if (microphone.value === track) void microphoneLost();
    });
    microphone.value?.stop();
    microphone.value = track;
    problems.value = { ...problems.value, microphone: null };
    return true;
  } catch (error) {
    problems.value = { ...problems.value, microphone: mediaProblem(error) };
    return false;
  }
}

async function startCamera(): Promise<boolean> {
  try {
    const track = await openCamera(preferences.value.camera, settings.value?.resolution ?? 720);
    track.addEventListener('ended', () => {
      if (camera.value === track) void closeCamera();
    });
    camera.value?.stop();
    camera.value = track;
    problems.value = { ...problems.value, camera: null };
    return true;
  } catch (error) {
    problems.value = { ...problems.value, camera: mediaProblem(error) };
    return false;
  }
}

/** The device was unplugged: another one takes over where there is one. */
async function microphoneLost(): Promise<void> {
  microphone.value = null;
  if (!(await startMicrophone())) micMuted.value = true;
  await publishMicrophone();
}

/** Milliseconds that joining waits for the devices. */
const PATIENCE = 4000;

/** Opens what the person had on last time, for the preview. */
export async function openInitial(): Promise<void> {
  opening.value = true;
  // Nobody has to answer the browser's question before they can join.
  const patience = setTimeout(() => (opening.value = false), PATIENCE);
  await startMicrophone();
  micMuted.value = preferences.value.startMuted || microphone.value === null;
  await publishMicrophone();
  if (!preferences.value.startWithoutCamera && (await startCamera())) await publishCamera();
  clearTimeout(patience);
  opening.value = false;
  // Gone while the browser was asking.
  if (view.value !== 'prejoin' && view.value !== 'meeting') closeAll();
  await refreshDevices();
}

export async function setMuted(muted: boolean): Promise<void> {
  if (!muted && !microphone.value && !(await startMicrophone())) {
    notify(t.problem.microphone[problems.value.microphone ?? 'unknown'], 'error');
    return;
  }
  micMuted.value = muted;
  await publishMicrophone();
}

export async function toggleMicrophone(): Promise<void> {
  await setMuted(!micMuted.value);
  if (conference.value === null) prefer({ startMuted: micMuted.value });
}

/** While the key is held a muted person is heard. */
export async function pushToTalk(held: boolean): Promise<void> {
  if (held === talking.value) return;
  if (held && !micMuted.value) return;
  talking.value = held;
  await setMuted(!held);
}

export async function closeCamera(): Promise<void> {
  camera.value?.stop();
  camera.value = null;
  await publishCamera();
}

export async function toggleCamera(): Promise<void> {
  if (camera.value) {
    await closeCamera();
  } else if (await startCamera()) {
    await publishCamera();
    await refreshDevices();
  } else {
    notify(t.problem.camera[problems.value.camera ?? 'unknown'], 'error');
  }
  if (conference.value === null) prefer({ startWithoutCamera: camera.value === null });
}

export async function stopScreen(): Promise<void> {
  screen.value?.stop();
  screen.value = null;
  await publishScreen();
}

export async function toggleScreen(): Promise<void> {
  if (screen.value) {
    await stopScreen();
    return;
  }
  try {
    const track = await openScreen();
    track.addEventListener('ended', () => {
      if (screen.value === track) void stopScreen();
    });
    screen.value = track;
    await publishScreen();
  } catch (error) {
    const problem = mediaProblem(error);
    // Closing the browser's chooser is a choice and needs no message.
    if (problem !== 'denied') notify(t.problem.screen[problem], 'error');
  }
}

export async function chooseMicrophone(id: string): Promise<void> {
  prefer({ microphone: id });
  if (await startMicrophone()) await publishMicrophone();
  else notify(t.problem.microphone[problems.value.microphone ?? 'unknown'], 'error');
}

export async function chooseCamera(id: string): Promise<void> {
  prefer({ camera: id });
  if (!camera.value) return;
  if (await startCamera()) await publishCamera();
  else notify(t.problem.camera[problems.value.camera ?? 'unknown'], 'error');
}

export function closeAll(): void {
  for (const device of [microphone, camera, screen]) {
    device.value?.stop();
    device.value = null;
  }
  micMuted.value = true;
}
