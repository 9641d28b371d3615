import type { JSX } from 'preact';
import { displayRoomName } from '../client/roomName';
import { AudioSinks, playAll } from './AudioSinks';
import { ChatPanel } from './ChatPanel';
import { Icon } from './icons';
import { LockDialog } from './LockDialog';
import { copyInvite, leaveMeeting } from './meeting';
import { PasswordPrompt } from './PasswordPrompt';
import { PeoplePanel } from './PeoplePanel';
import { RemoveDialog } from './RemoveDialog';
import { SettingsDialog } from './SettingsDialog';
import { ShortcutsDialog } from './ShortcutsDialog';
import { toggleLayout } from './shortcuts';
import { Stage } from './Stage';
import * as state from './state';
import { t } from './strings';
import { Toolbar } from './Toolbar';

function TopBar(): JSX.Element {
  const isTiles = state.layout.value === 'tiles';
  const switchLabel = isTiles ? t.toolbar.speakerView : t.toolbar.tileView;
  const quality = t.quality[state.quality.value];
  return (
    <header class="topbar">
      <h1>{displayRoomName(state.place.value.room)}</h1>
      {state.locked.value && (
        <span class="topbar-lock" role="img" aria-label={t.locked} title={t.locked}>
          <Icon name="lock" />
        </span>
      )}
      <span
        class={`quality ${state.quality.value}`}
        role="img"
        aria-label={quality}
        title={quality}
        data-quality={state.quality.value}
      >
        <i />
        <i />
        <i />
      </span>
      <span class="spacer" />
      <button
        type="button"
        class="plain"
        aria-label={switchLabel}
        title={switchLabel}
        onClick={toggleLayout}
      >
        <Icon name={isTiles ? 'speaker' : 'tiles'} />
      </button>
    </header>
  );
}

function Banners(): JSX.Element {
  const lost = state.signallingLost.value
    ? t.notice.signallingLost
    : state.bridgeMissing.value
      ? t.notice.bridgeMissing
      : state.mediaLost.value
        ? t.notice.mediaLost
        : null;
  // Sound and picture mostly go on while signalling is sought.
  const isCalm = state.signallingLost.value && !state.mediaLost.value;
  return (
    <div class="banners">
      {lost && (
        <div class={`banner ${isCalm ? 'calm' : ''}`} role="status" data-reconnecting="true">
          <span class="spinner" aria-hidden="true" />
          {lost}
        </div>
      )}
      {state.soundBlocked.value && (
        <div class="banner" role="alert">
          {t.notice.soundBlocked}
          <button type="button" class="primary" onClick={playAll}>
            <Icon name="sound" /> {t.notice.enableSound}
          </button>
        </div>
      )}
      {state.talking.value && (
        <div class="banner calm" role="status">
          {t.notice.talking}
        </div>
      )}
    </div>
  );
}

function Alone(): JSX.Element | null {
  if (state.participants.value.length !== 1) return null;
  return (
    <div class="alone">
      <p>{t.notice.alone}</p>
      <button type="button" class="primary" onClick={() => void copyInvite()}>
        <Icon name="link" /> {t.menu.invite}
      </button>
    </div>
  );
}

function Joining(): JSX.Element {
  const text = state.phase.value === 'connecting' ? t.joining.connecting : t.joining.entering;
  return (
    <main class="page joining">
      <span class="spinner big" aria-hidden="true" />
      <p role="status">{text}</p>
      <button type="button" onClick={() => void leaveMeeting()}>
        {t.joining.cancel}
      </button>
    </main>
  );
}

export function Meeting(): JSX.Element {
  if (state.phase.value === 'password') return <PasswordPrompt />;
  if (!state.hasJoined.value) return <Joining />;
  const panel = state.panel.value;
  const dialog = state.dialog.value;
  return (
    <div class={`meeting ${panel === 'none' ? '' : 'with-panel'}`} data-phase={state.phase.value}>
      <main class="meeting-main">
        <TopBar />
        <Banners />
        <Stage />
        <Alone />
        <Toolbar />
      </main>
      {panel === 'chat' && <ChatPanel />}
      {panel === 'people' && <PeoplePanel />}
      {dialog === 'settings' && <SettingsDialog />}
      {dialog === 'lock' && <LockDialog />}
      {dialog === 'shortcuts' && <ShortcutsDialog />}
      {dialog === 'remove' && <RemoveDialog />}
      <AudioSinks />
    </div>
  );
}
