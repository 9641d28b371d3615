/** Why a device could not be opened, in terms that the page has words for. */
export type MediaProblem = 'denied' | 'in-use' | 'not-found' | 'insecure' | 'cancelled' | 'unknown';

export function mediaProblem(error: unknown): MediaProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotReadableError':
    case 'AbortError':
    case 'TrackStartError':
      return 'in-use';
    case 'NotFoundError':
    case 'OverconstrainedError':
    case 'DevicesNotFoundError':
      return 'not-found';
    default:
      return typeof navigator !== 'undefined' && !('mediaDevices' in navigator)
        ? 'insecure'
        : 'unknown';
  }
}

async function firstTrack(stream: Promise<MediaStream>): Promise<MediaStreamTrack> {
  const track = (await stream).getTracks()[0];
  if (!track) throw new DOMException('no track', 'NotFoundError');
  return track;
}

/** `ideal`, so that a device that is gone is replaced rather than refused. */
function device(id: string | null): { deviceId?: ConstrainDOMString } {
  return id ? { deviceId: { ideal: id } } : {};
}

export async function openMicrophone(deviceId: string | null): Promise<MediaStreamTrack> {
  return firstTrack(
    navigator.mediaDevices.getUserMedia({
      audio: {
        ...device(deviceId),
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      },
    }),
  );
}

export async function openCamera(
  deviceId: string | null,
  height: number,
): Promise<MediaStreamTrack> {
  return firstTrack(
    navigator.mediaDevices.getUserMedia({
      video: {
        ...device(deviceId),
        height: { ideal: height },
        width: { ideal: Math.round((height * 16) / 9) },
        frameRate: { ideal: 30, max: 30 },
      },
    }),
  );
}

export async function openScreen(): Promise<MediaStreamTrack> {
  const track = await firstTrack(
    navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: false,
    }),
  );
  track.contentHint = 'detail';
  return track;
}

export interface Devices {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices.enumerateDevices()).filter((info) => info.deviceId);
  return {
    microphones: all.filter((info) => info.kind === 'audioinput'),
    cameras: all.filter((info) => info.kind === 'videoinput'),
    speakers: all.filter((info) => info.kind === 'audiooutput'),
  };
}
