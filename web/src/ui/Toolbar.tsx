import type { JSX, TargetedKeyboardEvent } from 'preact';
import { toggleCamera, toggleMicrophone, toggleScreen } from './devices';
import { Icon, type IconName } from './icons';
import { copyInvite, leaveMeeting, openPanel, toggleHand } from './meeting';
import { Menu, type MenuItem } from './Menu';
import { toggleFullscreen, toggleLayout } from './shortcuts';
import * as state from './state';
import { t } from './strings';

interface ButtonProps {
  icon: IconName;
  label: string;
  caption: string;
  pressed?: boolean;
  kind?: 'off' | 'on' | 'danger';
  wideOnly?: boolean;
  badge?: number;
  action: () => void;
}

function ToolButton(props: ButtonProps): JSX.Element {
  const { icon, label, caption, pressed, kind, wideOnly, badge, action } = props;
  return (
    <button
      type="button"
      class={`tool ${kind ?? ''} ${wideOnly ? 'wide-only' : ''}`}
      aria-label={label}
      aria-pressed={pressed}
      title={label}
      onClick={action}
    >
      <Icon name={icon} />
      <span class="caption" aria-hidden="true">
        {caption}
      </span>
      {badge ? <span class="badge">{badge > 99 ? '99+' : badge}</span> : null}
    </button>
  );
}

const canShare = 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;

function menuItems(): MenuItem[] {
  const isTiles = state.layout.value === 'tiles';
  return [
    {
      label: isTiles ? t.toolbar.speakerView : t.toolbar.tileView,
      icon: isTiles ? 'speaker' : 'tiles',
      action: toggleLayout,
    },
    {
      label: state.handRaised.value ? t.toolbar.lower : t.toolbar.raise,
      icon: 'hand',
      narrowOnly: true,
      action: toggleHand,
    },
    {
      label: t.toolbar.people,
      icon: 'people',
      narrowOnly: true,
      action: () => openPanel('people'),
    },
    { label: t.menu.invite, icon: 'link', action: () => void copyInvite() },
    {
      label: state.locked.value ? t.menu.unlock : t.menu.lock,
      icon: 'lock',
      action: () => (state.dialog.value = 'lock'),
    },
    { label: t.menu.fullscreen, icon: 'fullscreen', action: toggleFullscreen },
    { label: t.menu.settings, icon: 'settings', action: () => (state.dialog.value = 'settings') },
    {
      label: t.menu.shortcuts,
      icon: 'keyboard',
      action: () => (state.dialog.value = 'shortcuts'),
    },
  ];
}

/** Arrow keys walk along the buttons, as in every toolbar. */
function walk(event: TargetedKeyboardEvent<HTMLElement>): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const buttons = [
    ...event.currentTarget.querySelectorAll<HTMLElement>('button:not([role=menuitem])'),
  ].filter((button) => button.offsetParent !== null);
  const index = buttons.findIndex((button) => button === document.activeElement);
  buttons[(index + step + buttons.length) % buttons.length]?.focus();
  event.preventDefault();
}

export function Toolbar(): JSX.Element {
  const muted = state.micMuted.value;
  const off = state.cameraOff.value;
  const sharing = state.screen.value !== null;
  const raised = state.handRaised.value;
  const unread = state.unread.value;
  return (
    <div class="toolbar" role="toolbar" aria-label={t.toolbar.label} onKeyDown={walk}>
      <ToolButton
        icon={muted ? 'mic-off' : 'mic'}
        label={muted ? t.toolbar.unmute : t.toolbar.mute}
        caption={muted ? t.toolbar.unmute : t.toolbar.mute}
        kind={muted ? 'off' : undefined}
        action={() => void toggleMicrophone()}
      />
      <ToolButton
        icon={off ? 'camera-off' : 'camera'}
        label={off ? t.toolbar.cameraOn : t.toolbar.cameraOff}
        caption={t.devices.camera}
        kind={off ? 'off' : undefined}
        action={() => void toggleCamera()}
      />
      {canShare && (
        <ToolButton
          icon={sharing ? 'screen-off' : 'screen'}
          label={sharing ? t.toolbar.unshare : t.toolbar.share}
          caption={sharing ? t.toolbar.captions.stop : t.toolbar.captions.share}
          kind={sharing ? 'on' : undefined}
          wideOnly
          action={() => void toggleScreen()}
        />
      )}
      <ToolButton
        icon="hand"
        label={raised ? t.toolbar.lower : t.toolbar.raise}
        caption={t.toolbar.captions.hand}
        pressed={raised}
        kind={raised ? 'on' : undefined}
        wideOnly
        action={toggleHand}
      />
      <ToolButton
        icon="chat"
        label={unread > 0 ? t.toolbar.chatUnread(unread) : t.toolbar.chat}
        caption={t.toolbar.chat}
        pressed={state.panel.value === 'chat'}
        kind={state.panel.value === 'chat' ? 'on' : undefined}
        badge={unread}
        action={() => openPanel('chat')}
      />
      <ToolButton
        icon="people"
        label={t.toolbar.people}
        caption={t.toolbar.people}
        pressed={state.panel.value === 'people'}
        kind={state.panel.value === 'people' ? 'on' : undefined}
        wideOnly
        action={() => openPanel('people')}
      />
      <Menu
        label={t.toolbar.more}
        icon="more"
        caption={t.toolbar.more}
        buttonClass="tool"
        items={menuItems()}
      />
      <ToolButton
        icon="leave"
        label={t.toolbar.leave}
        caption={t.toolbar.leave}
        kind="danger"
        action={() => void leaveMeeting()}
      />
    </div>
  );
}
