import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { displayRoomName } from '../client/roomName';
import { DeviceSelects } from './DeviceSelects';
import { openInitial, toggleCamera, toggleMicrophone } from './devices';
import { Icon, Logo } from './icons';
import { initials } from './layout';
import { joinMeeting } from './meeting';
import { MicMeter } from './MicMeter';
import { prefer, preferences } from './preferences';
import { camera, micMuted, microphone, opening, place, problems } from './state';
import { t } from './strings';
import { useAutofocus } from './useAutofocus';
import { VideoView } from './VideoView';

function Preview(): JSX.Element {
  const muted = micMuted.value;
  const off = camera.value === null;
  return (
    <div class="preview">
      {off ? (
        <div class="preview-off">
          <span class="avatar">{initials(preferences.value.name || t.guest)}</span>
          <span>{opening.value ? t.prejoin.starting : t.prejoin.cameraOff}</span>
        </div>
      ) : (
        <VideoView
          track={camera.value}
          mirrored={preferences.value.mirror}
          label={t.prejoin.preview}
        />
      )}
      <div class="preview-controls">
        <button
          type="button"
          class={`round ${muted ? 'off' : ''}`}
          aria-label={muted ? t.toolbar.unmute : t.toolbar.mute}
          aria-pressed={!muted}
          title={muted ? t.toolbar.unmute : t.toolbar.mute}
          onClick={() => void toggleMicrophone()}
        >
          <Icon name={muted ? 'mic-off' : 'mic'} />
        </button>
        <button
          type="button"
          class={`round ${off ? 'off' : ''}`}
          aria-label={off ? t.toolbar.cameraOn : t.toolbar.cameraOff}
          aria-pressed={!off}
          title={off ? t.toolbar.cameraOn : t.toolbar.cameraOff}
          onClick={() => void toggleCamera()}
        >
          <Icon name={off ? 'camera-off' : 'camera'} />
        </button>
      </div>
    </div>
  );
}

function Problems(): JSX.Element {
  const lines = [
    problems.value.microphone && t.problem.microphone[problems.value.microphone],
    problems.value.camera && t.problem.camera[problems.value.camera],
  ].filter((line) => line !== null);
  return (
    <div role="status">
      {lines.map((line) => (
        <p key={line} class="problem">
          {line}
        </p>
      ))}
    </div>
  );
}

export function PreJoin(): JSX.Element {
  useEffect(() => {
    if (microphone.value === null && camera.value === null) void openInitial();
  }, []);
  const first = useAutofocus<HTMLInputElement>();
  const join = (event: Event): void => {
    event.preventDefault();
    joinMeeting();
  };
  return (
    <main class="page prejoin">
      <header class="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <form class="prejoin-grid" onSubmit={join}>
        <div class="prejoin-left">
          <Preview />
          <MicMeter track={micMuted.value ? null : microphone.value} />
          <Problems />
        </div>
        <div class="card">
          <h1>{t.prejoin.title(displayRoomName(place.value.room))}</h1>
          <div class="field">
            <label for="name">{t.prejoin.name}</label>
            <input
              id="name"
              name="name"
              autocomplete="name"
              maxLength={80}
              placeholder={t.prejoin.namePlaceholder}
              value={preferences.value.name}
              ref={first}
              onInput={(event) => prefer({ name: event.currentTarget.value })}
            />
          </div>
          <button type="submit" class="primary wide" disabled={opening.value || !isSecureContext}>
            {t.prejoin.join}
          </button>
        </div>
        <div class="prejoin-devices" role="group" aria-label={t.settings.devices}>
          <DeviceSelects prefix="prejoin" />
        </div>
      </form>
    </main>
  );
}
