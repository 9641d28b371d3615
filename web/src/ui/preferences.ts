import { effect, signal } from '@preact/signals';
import { CODECS, type Codec } from '../client/codecs';

/** What the page remembers between visits. */
export interface Preferences {
  name: string;
  microphone: string | null;
  camera: string | null;
  speaker: string | null;
  startMuted: boolean;
  startWithoutCamera: boolean;
  codec: Codec | null;
  /** Height in pixels; -1 is no limit. */
  receiveHeight: number;
  mirror: boolean;
}

const KEY = 'shoal.preferences';

const DEFAULTS: Preferences = {
  name: '',
  microphone: null,
  camera: null,
  speaker: null,
  startMuted: false,
  startWithoutCamera: false,
  codec: null,
  receiveHeight: -1,
  mirror: true,
};

export function readPreferences(stored: string | null): Preferences {
  let parsed: unknown;
  try {
    parsed = JSON.parse(stored ?? '{}');
  } catch {
    return DEFAULTS;
  }
  const source = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<
    string,
    unknown
  >;
  const text = (key: string): string | null =>
    typeof source[key] === 'string' && source[key] !== '' ? source[key] : null;
  return {
    name: text('name') ?? '',
    microphone: text('microphone'),
    camera: text('camera'),
    speaker: text('speaker'),
    startMuted: source.startMuted === true,
    startWithoutCamera: source.startWithoutCamera === true,
    codec: CODECS.find((codec) => codec === source.codec) ?? null,
    receiveHeight: typeof source.receiveHeight === 'number' ? source.receiveHeight : -1,
    mirror: source.mirror !== false,
  };
}

function load(): Preferences {
  try {
    return readPreferences(localStorage.getItem(KEY));
  } catch {
    return DEFAULTS;
  }
}

export const preferences = signal<Preferences>(load());

export function prefer(change: Partial<Preferences>): void {
  preferences.value = { ...preferences.value, ...change };
}

effect(() => {
  const text = JSON.stringify(preferences.value);
  try {
    localStorage.setItem(KEY, text);
  } catch {
    // A browser that keeps nothing still holds a meeting.
  }
});
