import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { chooseCamera, chooseMicrophone, refreshDevices } from './devices';
import { prefer, preferences } from './preferences';
import { camera, devices, microphone } from './state';
import { t } from './strings';

interface SelectProps {
  id: string;
  label: string;
  list: readonly MediaDeviceInfo[];
  value: string;
  extra?: string;
  onChange: (id: string) => void;
}

function DeviceSelect({ id, label, list, value, extra, onChange }: SelectProps): JSX.Element {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={list.length === 0 && extra === undefined}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {extra !== undefined && <option value="">{extra}</option>}
        {list.length === 0 && extra === undefined && <option value="">{t.devices.none}</option>}
        {list.map((info, index) => (
          <option key={info.deviceId} value={info.deviceId}>
            {info.label || t.devices.numbered(label, index + 1)}
          </option>
        ))}
      </select>
    </div>
  );
}

function current(track: MediaStreamTrack | null, preferred: string | null): string {
  return track?.getSettings().deviceId ?? preferred ?? '';
}

/** Choice of microphone, camera and speaker. */
export function DeviceSelects({ prefix }: { prefix: string }): JSX.Element {
  useEffect(() => {
    const refresh = (): void => void refreshDevices();
    refresh();
    if (!('mediaDevices' in navigator)) return undefined;
    navigator.mediaDevices.addEventListener('devicechange', refresh);
    return () => navigator.mediaDevices.removeEventListener('devicechange', refresh);
  }, []);
  const { microphones, cameras, speakers } = devices.value;
  return (
    <>
      <DeviceSelect
        id={`${prefix}-microphone`}
        label={t.devices.microphone}
        list={microphones}
        value={current(microphone.value, preferences.value.microphone)}
        onChange={(id) => void chooseMicrophone(id)}
      />
      <DeviceSelect
        id={`${prefix}-camera`}
        label={t.devices.camera}
        list={cameras}
        value={current(camera.value, preferences.value.camera)}
        onChange={(id) => void chooseCamera(id)}
      />
      {'setSinkId' in HTMLMediaElement.prototype && (
        <DeviceSelect
          id={`${prefix}-speaker`}
          label={t.devices.speaker}
          list={speakers.filter((info) => info.deviceId !== 'default')}
          value={preferences.value.speaker ?? ''}
          extra={t.devices.systemSpeaker}
          onChange={(id) => prefer({ speaker: id || null })}
        />
      )}
    </>
  );
}
